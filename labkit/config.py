"""What an experiment can be told: frozen settings whose fields describe themselves."""

import dataclasses
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

from labkit import _checks

Acts = Literal["hot", "warm", "cold"]


@dataclasses.dataclass(frozen=True)
class Knob:
    """What a setting says about itself.

    ``acts`` is *when a change takes effect*: ``hot`` at the next step; ``warm`` keeps the weights and
    rebuilds something (optimiser, loss); ``cold`` starts from a new initialisation.
    ``scale="log"`` with ``low=0`` means a slider with 0 as its first stop, then decades.
    ``smallest`` is the first stop above 0 of such a slider.
    ``files`` allows the path of a file (any text with a suffix) besides the ``choices``.
    """

    help: str
    acts: Acts = "cold"
    low: float | None = None
    high: float | None = None
    scale: Literal["linear", "log"] = "linear"
    smallest: float | None = None
    unit: str = ""
    choices: tuple[str, ...] | None = None
    files: bool = False
    label: str = ""
    group: str = ""
    slider: bool = True


def knob(default: Any, help: str, **about: Any) -> Any:
    """Declare one field of a :class:`Config`: its default, its help and its :class:`Knob`."""
    return dataclasses.field(default=default, metadata={"knob": Knob(help, **about)})


@dataclasses.dataclass(frozen=True, repr=False)
class Config:
    """Base of all settings. Subclass it as a frozen dataclass of :func:`knob` fields.

    Checked on creation: a bad value or an unknown name raises ``ValueError`` naming the field, what came
    and what is allowed. ``repr(config)`` is code that rebuilds it (fields at their default are left out).
    """

    #: The class that trains this config; set once beside it, read by ``run``, ``live`` and ``sweep``.
    experiment: ClassVar[type]
    #: name -> (changes against the defaults, one line of commentary)
    presets: ClassVar[Mapping[str, tuple[Mapping[str, Any], str]]] = {}
    #: word -> (field, {value of that field: name of a preset}): what ``--preset`` takes as well
    aliases: ClassVar[Mapping[str, tuple[str, Mapping[str, str]]]] = {}

    def __new__(cls, *args: Any, **values: Any) -> "Config":
        """Refuse unknown names as any other bad input, before the dataclass raises its ``TypeError``."""
        for name in values:
            cls.knob(name)
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for field, about in self.fields():
            object.__setattr__(self, field.name, _checked(field, about, getattr(self, field.name)))
        self.check()

    def check(self) -> None:
        """Rules that concern several fields; raise ``ValueError`` naming one of them."""

    @classmethod
    @cache
    def fields(cls) -> tuple[tuple[dataclasses.Field, Knob], ...]:
        """Every field with what it says about itself, in order of declaration."""
        return tuple((field, field.metadata["knob"]) for field in dataclasses.fields(cls))

    @classmethod
    def knob(cls, name: str) -> Knob:
        """What the field ``name`` says about itself; unknown names raise with the nearest."""
        return _checks.lookup({f.name: about for f, about in cls.fields()}, name, "field")

    @classmethod
    def preset(cls, name: str, **changes: Any) -> "Config":
        """The named preset, optionally changed further.

        An alias such as "paper" means one preset for each value of a field, and follows ``changes``.
        """
        if name in cls.aliases:
            field, names = cls.aliases[name]
            name = _checks.lookup(names, changes.get(field, getattr(cls(), field)), field)
        values, _ = cls.presets[_checks.choice("preset", name, [*cls.presets, *cls.aliases])]
        return cls(**{**values, **changes})

    def replace(self, **changes: Any) -> "Config":
        """A copy with some fields changed, checked again; itself if none is."""
        if not changes:
            return self
        for name in changes:
            self.knob(name)
        return dataclasses.replace(self, **changes)

    def refuse_cold(self, config: "Config") -> None:
        """Raise ``ValueError`` if ``config`` differs in a field that needs a new start."""
        for field, about in self.fields():
            if about.acts == "cold" and getattr(config, field.name) != getattr(self, field.name):
                raise ValueError(f"{field.name}: got a new value in mid-run; allowed: hot and warm fields")

    def values(self) -> dict[str, Any]:
        """All fields as a plain dictionary."""
        return {field.name: getattr(self, field.name) for field, _ in self.fields()}

    def __repr__(self) -> str:
        changed = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field, _ in self.fields()
            if getattr(self, field.name) != field.default
        ]
        module = type(self).__module__.rpartition(".")[2]
        return f"{module}.{type(self).__qualname__}({', '.join(changed)})"


def _checked(field: dataclasses.Field, about: Knob, value: Any) -> Any:
    if about.files and isinstance(value, str) and Path(value).suffix:
        return value
    if about.choices is not None:
        return _checks.choice(field.name, value, about.choices)
    for kind, allowed in ((bool, "True or False"), (str, "a text")):
        if isinstance(field.default, kind):
            if not isinstance(value, kind):
                raise ValueError(f"{field.name}: got {value!r}; allowed: {allowed}")
            return value
    return _checks.number(
        field.name,
        value,
        kind=type(field.default),
        low=about.low,
        high=about.high,
        unit=about.unit,
    )
