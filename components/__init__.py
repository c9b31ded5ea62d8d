"""What flows use. Importing any of it turns telemetry off: onnxruntime notes the machine at its own import."""

from components.telemetry import switch_off

TRACKED = False  # switches telemetry off, and nothing else

switch_off()
