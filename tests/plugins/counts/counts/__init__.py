"""Plug-ins of Graftline: the modality `bytes`, the problem `count`, the backbone `byte_network`."""
