"""Section `data`: where the samples are, what their labels mean, how they are split."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from components.params import names, plugins
from components.params.base import Address, Name, Section
from components.params.conditions import Value, check_values
from components.params.tables import Separator, check_written

SPLITS = ("train", "validation", "calibration", "test")
FORMATS = "data/formats"
SCHEMES = ("file", "https", "s3", "hf", "pypi")
Share = Annotated[float, Field(ge=0, le=1)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Labels(Section):
    """Which columns of a labels file or manifest mean what.

    Attributes:
        file: the table, relative to the source; CSV, Parquet or JSONL by its ending (docs/tables.md).
        separator: of a CSV: the character between its columns, `tab`, or `whitespace`; none: a tab for `.tsv`, else a
            comma.
        header: column names, where the file has no header line.
        path: the column of a sample's path.
        label: the column of its label; a list of columns where a target is made of several cells.
        text: the column that holds the sample itself, where samples are texts in the table. Then `path` is only a
            name, and may be missing.
        classes: class name → the label as it is written, in quotes; a number; or a condition on a number such as
            `>= 0.5`. Empty: each distinct label is a class.
        unlabelled: the label's value that means that there is none (`""` for an empty cell). Such samples are kept,
            for methods that learn from samples without labels; none: a sample without a label is quarantined.
        group, domain, split: optional columns. Samples of one group stay on one side.
        slices: columns by which results are broken down.
    """

    file: str = "labels.csv"
    separator: Separator | None = None
    header: tuple[str, ...] = ()
    path: str = "path"
    label: str | tuple[str, ...] = "label"
    text: str | None = None
    classes: dict[Name, Value] = Field(default_factory=dict)
    unlabelled: str | None = None
    group: str | None = None
    domain: str | None = None
    split: str | None = None
    slices: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _as_written(self) -> "Labels":
        if not self.label_columns or len(set(self.label_columns)) < len(self.label_columns):
            raise ValueError(f"label is {list(self.label_columns)}: it must name columns, each once")
        check_written(self.file, self.separator, self.header)
        check_values(self.classes, isinstance(self.label, str))
        return self

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The columns that hold a sample's label."""
        return (self.label,) if isinstance(self.label, str) else self.label


class Split(Section):
    """Shares of the sides; a sample's side is a function of its content (or group) and the salt.

    Attributes:
        folds: for few groups. They are dealt to so many folds: number `fold` tests, the next one validates and
            calibrates, the others train; `train` and `test` say nothing then. Run the line once for each fold.
        fold: which of them tests, from 0 on.
        labelled_per_class: so many training samples a class (and domain) keep their label, the others become samples
            without one: what few labels are worth. Of several labels a sample (`multi_label`), each label has so many,
            or all where there are fewer, and more where it stands beside others; so do samples with none of the
            labels. Not for numbers. None: all.
    """

    salt: str = "graftline"
    train: Share = 0.6
    validation: Share = 0.15
    calibration: Share = 0.05
    test: Share = 0.2
    folds: int | None = Field(default=None, ge=3)
    fold: int = Field(default=0, ge=0)
    labelled_per_class: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _adds_up(self) -> "Split":
        total = self.train + self.validation + self.calibration + self.test
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the four shares add up to {total:g}; they must add up to 1")
        for side in ("train", "validation", "calibration", "test"):
            if getattr(self, side) == 0:
                raise ValueError(f"the share of {side} is 0; every split needs samples")
        if self.fold >= (self.folds or 1):
            raise ValueError(f"fold is {self.fold}; allowed: 0 to {(self.folds or 1) - 1}")
        return self


class NearDuplicates(Section):
    """A pair is proposed by perceptual hash (Hamming distance) and confirmed by pixel correlation.

    Of a pair on two sides, the sample on the lower side is left out. `near_duplicates: off` looks for none.

    Attributes:
        enabled: false is what `off` means.
    """

    enabled: bool = True
    hash_distance: int = Field(default=6, ge=0, le=15)
    correlation: float = Field(default=0.98, gt=0, le=1)

    @model_validator(mode="before")
    @classmethod
    def _off(cls, value: object) -> object:
        """YAML 1.1 reads a bare `off` as false."""
        return {"enabled": False} if value is False or value == "off" else value


class Limits(Section):
    """What is still acceptable in the data.

    Attributes:
        max_pixels, max_characters: of one image, of one text.
        quarantine_share: of the samples that may be unusable.
        min_per_class: samples of each class, or label, in all. Not for numbers.
    """

    max_pixels: int = Field(default=50_000_000, gt=0)
    max_characters: int = Field(default=1_000_000, gt=0)
    quarantine_share: Share = 0.02
    min_per_class: int = Field(default=10, ge=1)


class DataParams(Section):
    """Where the samples are, and how they are laid out.

    Attributes:
        source: `file:`, `https:`, `s3:`, `hf:` or `pypi:` and an address.
        sha256: digest of what the source delivers in one file; a `pypi:` source needs that of its wheel.
        licence: shown in the report and in the registry.
        layout: the format of the labels: `folders` (one a class), `manifest` (a table at the source), `labels` (a
            table that `labels` describes), or one that another package brings.
        folders: of layout `folders`, what they are: `classes`; `splits` (train, val, test), with a folder for each
            class inside; or `auto`, which tells the two apart and refuses what is neither.
    """

    source: Address
    sha256: Digest | None = None
    licence: str
    layout: names.Layout = "folders"
    folders: Literal["auto", "classes", "splits"] = "auto"
    labels: Labels = Labels()
    split: Split = Split()
    near_duplicates: NearDuplicates = NearDuplicates()
    limits: Limits = Limits()

    @field_validator("source")
    @classmethod
    def _has_scheme(cls, source: str) -> str:
        scheme, colon, _ = source.partition(":")
        if colon and scheme in SCHEMES:
            return source
        forms = ", ".join(f"{name}:" for name in SCHEMES)
        if colon and "/" not in scheme:
            raise ValueError(f"{source!r} begins with {scheme + ':'!r}, which is no source; allowed: {forms}")
        raise ValueError(
            f"{source!r} does not say what kind of source it is: write 'file:{source}'; allowed: {forms}"
        )

    @model_validator(mode="after")
    def _has_columns(self) -> "DataParams":
        """A column says something only where the format has any."""
        if plugins.offers(FORMATS, self.layout, "columns"):
            return self
        named = [key for key in ("text", "group", "domain", "split", "slices") if getattr(self.labels, key)]
        named += [] if isinstance(self.labels.label, str) else ["label"]
        if named:
            fit = (n for n in plugins.names(FORMATS) if plugins.offers(FORMATS, n, "columns"))
            raise ValueError(
                f"data.labels.{named[0]} names a column, but data.layout {self.layout} has none. Use data.layout "
                f"{' or '.join(fit)}."
            )
        return self

    @model_validator(mode="after")
    def _pinned(self) -> "DataParams":
        if self.source.startswith("pypi:") and self.sha256 is None:
            raise ValueError("a pypi: source needs `sha256`, the digest of its wheel")
        if self.split.folds and not self.labels.group:
            raise ValueError(
                "split.folds needs labels.group, the column that says which samples belong together"
            )
        if self.split.folds and self.labels.split:
            raise ValueError("split.folds and labels.split exclude each other: both say what the splits are")
        return self
