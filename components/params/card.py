"""Section `card`: what people must say about a model, for its card. It shapes no locked byte."""

from components.params.base import Section


class CardParams(Section):
    """What no file of the line tells; the rest of the card is written from what was made and measured.

    Attributes:
        intended_use: what the model is for, and for whom.
        out_of_scope: what it must not be used for.
        contact: who answers for it: a name, an address of mail or of a page.
        limits: sentences about what is known not to work, beside those that the card derives.
        licence: of the model itself, e.g. `apache-2.0`; none: the card says that none is stated.
        language: of texts, as ISO 639-1 has it: `en`.
        tags: words that the model is found by.
    """

    intended_use: str = ""
    out_of_scope: str = ""
    contact: str = ""
    limits: tuple[str, ...] = ()
    licence: str = ""
    language: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
