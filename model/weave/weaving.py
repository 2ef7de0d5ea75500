"""From a recipe to text: one function per stage, each a loop over the lanes, and the order in which they run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from terraflux.model.weave.asking import Names, told_by_parts
from terraflux.model.weave.names import LeftOut, Place, near, place_of
from terraflux.model.weave.recipe import (
    Body,
    Item,
    LayerLoop,
    Process,
    RecipeError,
    Repeat,
    RepeatPerLane,
    When,
    processes_of,
)
from terraflux.model.weave.table import Table
from terraflux.model.weave.text import brief_name, call_text, indent

Row = tuple[str, int]
GROUP = 8  # lanes that are skipped together where few columns need a stage: numbers of 64 bits in the widest register
FEW = 12  # chosen lanes of a layer up to which it is cheaper to look for the groups that they are in
OF_FEW = "_of_few"  # ends the names of stages that work group by group
PHASES = {
    "step": {"reads": ("forcing", "setting", "parameter", "derived", "state", "diagnostic"),
             "writes": ("state", "diagnostic")},
    "prepare": {"reads": ("setting", "parameter", "derived", "diagnostic"), "writes": ("derived", "diagnostic")},
}


@dataclass
class Weaving:
    """The state of one weave: which rows are known so far, and the text written so far.

    `row_names` gives the capital name of each variable in the module. `computed` and `maybe` hold the rows of derived
    variables and diagnostics that processes have written, for certain or only under the flag named. `told` holds, for each
    question that a run answers, the variables whose outputs need what depends on the answer.
    """

    table: Table
    row_names: dict[str, str]
    phase: str = "step"
    computed: set[Row] = field(default_factory=set)
    maybe: dict[Row, str] = field(default_factory=dict)
    stages: dict[str, str] = field(default_factory=dict)  # name -> text
    masks: list[str] = field(default_factory=list)
    told: list[Names] = field(default_factory=list)
    mask: str = ""  # row of the innermost condition
    by_groups: bool = False  # are there several groups of lanes in a block?
    few: bool = False  # does the innermost condition hold in few columns?

    def weave(self, items: Iterable[Item], phase: str) -> list[str]:
        """The calls of one phase, "prepare" or "step", in order; raises RecipeError for what does not fit."""
        self.phase = phase
        self.computed = {row for row in self.computed if self.table[row[0]].kind == "derived"}
        self.maybe = {row: flag for row, flag in self.maybe.items() if self.table[row[0]].kind == "derived"}
        return self._calls(items) if phase == "prepare" else self._asked(list(items))

    def _asked(self, items: list[Item]) -> list[str]:
        """The calls of a step, with those that only serve outputs under the question whether a run asks for these."""
        calls: list[str] = []
        last: Names | None = None
        for item, told in zip(items, told_by_parts(items, self.table), strict=True):
            body = self._calls([item])
            if told is None:
                calls += body
            elif body and told == last:
                calls[-1] += "\n" + indent("\n".join(body))
            elif body:
                calls.append(self._if_asked(told, body))
            last = told if body else last
        return calls

    def _calls(self, items: Iterable[Item]) -> list[str]:
        calls: list[str] = []
        for item in items:
            if isinstance(item, Repeat):
                body = self._calls(item.body)
                calls += [f"for _ in range({item.times}):\n" + indent("\n".join(body))] if body else []
            elif isinstance(item, When):
                calls += self._when(item)
            elif isinstance(item, RepeatPerLane):
                calls += self._repeat_per_lane(item)
            elif isinstance(item, LayerLoop):
                calls += self._layer_loop(item)
            else:
                self._simulate(item, None)
                calls.append(self._stage(_label(item), [self._lane_loop(item)]))
        return calls

    # ---- conditions ------------------------------------------------------------------------------------------------

    def _condition(self, who: str, name: str, body: Iterable[Item]) -> str:
        """Workspace text of a flag or count: a plain variable, known by now, that the body leaves alone."""
        variable = self.table.get(name)
        if variable is None:
            raise RecipeError(f"{who} uses {name!r}, which the table does not declare{near(name, self.table)}")
        if variable.dimension:
            raise RecipeError(f"{who} needs a variable without layers")
        self._check_read(who, name, Place(variable), 0)
        for part in body:
            for one in processes_of(part):
                if any(self._place(one, result).variable is variable for result in one.returns):
                    raise RecipeError(f"{one.name} changes {name!r}, on which the {who} around it depends")
        return f"w[{self.row_names[name]} + lane]"

    def _new_mask(self) -> str:
        self.masks.append(f"ACTIVE_{len(self.masks) + 1}")
        return self.masks[-1]

    def _inside(self, mask: str, body: Iterable[Item], few: bool = False) -> list[str]:
        outer = self.mask, self.few
        self.mask, self.few = mask, self.by_groups and (self.few or few)
        calls = self._calls(body)
        self.mask, self.few = outer
        return calls

    def _when(self, item: When) -> list[str]:
        flag = self._condition(f"When({item.flag!r})", item.flag, item.body)
        outer = f"(w[{self.mask} + lane] != 0.0) & " if self.mask else ""
        mask = self._new_mask()
        before = set(self.computed), set(self.maybe)
        body = self._inside(mask, item.body, item.few)
        own = sorted((self.computed - before[0]) | (set(self.maybe) - before[1]), key=self._order)
        self.computed = before[0]
        self.maybe.update(dict.fromkeys(own, item.flag))
        mark = self._stage(f"mark_{item.flag}", [
            "found = 0",
            "for lane in range(LANES):",
            f"    active = {outer}({flag} != 0.0)",
            f"    w[{mask} + lane] = 1.0 if active else 0.0",
            "    found |= 1 if active else 0",
            "return found != 0",
        ])
        return [*self._shown_blank(item.flag, own), f"if {mark} or not SKIP:\n" + indent("\n".join(body))] if body else []

    def _shown_blank(self, flag: str, rows: Sequence[Row]) -> list[str]:
        """`_blank` where a run asks for one of the rows: nobody else reads them without their condition."""
        blank = self._blank(flag, rows)
        if not blank or self.phase == "prepare":
            return blank
        return [self._if_asked(frozenset(name for name, _ in rows), blank)]

    def _if_asked(self, told: Names, calls: Sequence[str]) -> str:
        self.told.append(told)
        return f"if w[FIRST_ASKED + {len(self.told) - 1}] != 0.0 or not SKIP:\n" + indent("\n".join(calls))

    def _blank(self, flag: str, rows: Sequence[Row]) -> list[str]:
        """Zeroes diagnostics that belong to a condition, so that they never show an earlier step."""
        lines = ["for lane in range(LANES):"] if rows else []
        for name in dict.fromkeys(name for name, _ in rows):
            layers = [layer for known, layer in rows if known == name]
            for layer in layers:
                cell = self._cell(Place(self.table[name]), layer)
                kept = f"{cell} if w[{self.mask} + lane] == 0.0 else 0.0" if self.mask else "0.0"
                lines.append(f"    {cell} = {kept}")
        return [self._stage(f"blank_without_{flag}", lines)] if lines else []

    def _repeat_per_lane(self, item: RepeatPerLane) -> list[str]:
        count = self._condition(f"RepeatPerLane({item.count!r})", item.count, item.body)
        outer = f"w[{self.mask} + lane] != 0.0" if self.mask else ""
        first = self._calls(item.body)
        if not first:
            return []
        mask = self._new_mask()
        body = self._inside(mask, item.body, few=True)
        rounds = self._stage(f"rounds_of_{item.count}", [
            "most = 1.0",
            "for lane in range(LANES):",
            f"    count = {count}" + (f" if {outer} else 1.0" if outer else ""),
            "    most = count if count > most else most",
            f"whole = int(most if most < {item.maximum}.0 else {item.maximum}.0)",
            f"return whole + 1 if (whole < most) & (whole < {item.maximum}) else whole",
        ])
        mark = self._stage(f"mark_{item.count}", [
            "for lane in range(LANES):",
            f"    active = turn < {count}",
            f"    w[{mask} + lane] = 1.0 if active{f' & ({outer})' if outer else ''} else 0.0",
        ], "w, turn")
        return [f"rounds = {rounds}", *first, "for turn in range(1, rounds):\n" + indent("\n".join([mark, *body]))]

    # ---- stages ----------------------------------------------------------------------------------------------------

    def _stage(self, label: str, lines: list[str], arguments: str = "w") -> str:
        """Stores a stage under a new name (or finds the same text) and returns its call."""
        body = f"({arguments}):\n" + indent("\n".join(lines))
        name = f"{label}_stage" if f"range({GROUP})" not in body else f"{label}_stage{OF_FEW}"
        while self.stages.get(name, body) != body:
            name += "_again"
        self.stages[name] = body
        return f"{name}({arguments})"

    def _layer_loop(self, loop: LayerLoop) -> list[str]:
        dimension = self._dimension(loop)
        if dimension is None:
            return []
        top, bottom = loop.leave_out
        layers = list(range(top, self.table.layers[dimension] - bottom))[:: -1 if loop.upward else 1]
        if not layers:
            return []
        if loop.first and loop.last and len(layers) == 1:
            raise RecipeError(f"{_label(loop.body)} has first= and last=, but {dimension!r} leaves them only one layer")
        if not loop.ordered:
            self._check_order_free(loop.body)
        middle = layers[bool(loop.first) : len(layers) - bool(loop.last)]
        if loop.where:
            return [self._chosen_layers(loop, loop.where, middle)]
        lines = []
        if loop.first:
            self._simulate(loop.first, layers[0])
            lines.append(self._lane_loop(loop.first, layers[0]))
        for layer in middle:
            self._simulate(loop.body, layer)
        if len(middle) == 1:
            lines.append(self._lane_loop(loop.body, middle[0]))
        elif middle:
            span = f"{middle[0]}, {middle[-1] - 1}, -1" if loop.upward else f"{middle[0]}, {middle[-1] + 1}"
            lines.append(f"for layer in range({span}):\n" + indent(self._lane_loop(loop.body, "layer")))
        if loop.last:
            self._simulate(loop.last, layers[-1])
            lines.append(self._lane_loop(loop.last, layers[-1]))
        return [self._stage(_label(loop.body), lines)]

    def _chosen_layers(self, loop: LayerLoop, where: Process, layers: Sequence[int]) -> str:
        """The stage of a loop over layers with a condition."""
        for layer in layers:
            for name in where.reads:
                self._check_read(where.name, name, self._at(where, name, layer), layer)
            for one in processes_of(loop.body):
                for name in one.returns:
                    place = self._at(one, name, layer)
                    if place.variable.kind == "diagnostic" and (place.variable.name, place.layer(layer)) not in self.computed:
                        raise RecipeError(f"{one.name} returns {name!r}, which has no value where {where.name} does not hold; "
                                          "compute one for all layers before")
            self._simulate(loop.body, layer)
        outer = f"(w[{self.mask} + lane] != 0.0) & " if self.mask else ""
        condition = call_text(where.function.__name__, [self._cell(self._place(where, name), "layer") for name in where.reads],
                              ["chosen"])
        chosen = ["here = layer * LANES + lane", *condition, f"found += 1 if {outer}chosen else 0"]
        body = [*condition, f"on = {outer}chosen"]
        label = f"{_label(loop.body)}_where_{where.name}"
        layered = f"for layer in range({layers[0]}, {layers[-1] + 1}):\n"
        in_groups = _groups(chosen, self._lane_lines(loop.body, "layer", body)) if self.by_groups else ""
        if self.few:
            return self._stage(label, [layered + indent(in_groups)])
        known = f"layer = min(max(layer, {layers[0]}), {layers[-1]})"  # else the compiler looks for counting from the end
        few = self._stage(label, [known, in_groups], "w, layer") if self.by_groups else ""
        return self._stage(label, [layered + indent("\n".join([
            "found = 0",
            "for lane in range(LANES):\n" + indent("\n".join(chosen)),
            f"if found > {FEW if few else 0} or not SKIP:",
            indent("for lane in range(LANES):\n" + indent("\n".join(self._lane_lines(loop.body, "layer", body)))),
            *(["elif found != 0:", indent(few)] if few else [])]))])

    def _dimension(self, loop: LayerLoop) -> str | None:
        """The one dimension that a layer loop runs over; None if it has no layers in this table."""
        places: dict[str, str] = {}
        left_out = ""
        names = [(one, name) for one in processes_of(loop) for name in (*one.reads, *one.returns)]
        names += [(loop.where, name) for name in loop.where.reads] if loop.where else []
        for one, name in names:
            try:
                place = place_of(self.table, one, name)
            except LeftOut as trouble:
                left_out = str(trouble)
                continue
            if place.moves:
                places.setdefault(place.variable.dimension, f"{name!r} in {one.name}")
        if len(places) > 1:
            raise RecipeError(f"a loop over layers mixes dimensions: {' and '.join(places.values())} belong to "
                              f"{' and '.join(map(repr, places))}; fix all but one with _top, _bottom or _layer2")
        if not places and not left_out:
            raise RecipeError(f"{_label(loop.body)} is looped over layers but uses no layered variable")
        if places and left_out:
            raise RecipeError(left_out)
        return next(iter(places), None)

    def _check_order_free(self, body: Body) -> None:
        places = [(one, name, self._place(one, name)) for one in processes_of(body) for name in one.reads]
        written = {self._place(one, name).variable.name for one in processes_of(body) for name in one.returns}
        for one, name, place in places:
            if place.variable.name in written and (place.shift or (place.fixed is not None)):
                raise RecipeError(f"{one.name} reads {name!r}, which these Layers change: use SweepDown or SweepUp")

    def _lane_loop(self, body: Body, layer: int | str | None = None) -> str:
        """The loop over lanes, or where the innermost condition holds in few, over the lanes of each group with such a one."""
        lines = self._lane_lines(body, layer)
        if self.few:
            return _groups([f"found |= 1 if w[{self.mask} + lane] != 0.0 else 0"], lines)
        return "for lane in range(LANES):\n" + indent("\n".join(lines))

    def _lane_lines(self, body: Body, layer: int | str | None, chosen: Sequence[str] = ()) -> list[str]:
        """What is done in a lane; `chosen` are lines that set `on`, in place of the innermost condition."""
        lines = ["here = layer * LANES + lane"] if isinstance(layer, str) else []
        lines += chosen or ([f"on = w[{self.mask} + lane] != 0.0"] if self.mask else [])
        for one in processes_of(body):
            arguments = [self._cell(self._place(one, name), layer) for name in one.reads]
            results = [self._cell(self._place(one, name), layer) for name in one.returns]
            lines += call_text(one.function.__name__, arguments, results, one.returns if self.mask or chosen else ())
        return lines

    def _cell(self, place: Place, layer: int | str | None) -> str:
        """Workspace text of a place inside a lane loop."""
        row = self.row_names[place.variable.name]
        if not place.moves or isinstance(layer, int):
            fixed = place.layer(layer if isinstance(layer, int) else None)
            return f"w[{row} + {fixed} * LANES + lane]" if fixed else f"w[{row} + lane]"
        return f"w[{row} + here{'' if not place.shift else ' + LANES' if place.shift > 0 else ' - LANES'}]"

    # ---- what is known when -----------------------------------------------------------------------------------------

    def _place(self, one: Process, name: str) -> Place:
        return place_of(self.table, one, name)

    def _simulate(self, body: Body, layer: int | None) -> None:
        """Follows the reads and writes of one pass, in one layer."""
        for one in processes_of(body):
            for name in one.reads:
                self._check_read(one.name, name, self._at(one, name, layer), layer)
            for name in one.returns:
                place = self._at(one, name, layer)
                if place.variable.kind not in PHASES[self.phase]["writes"]:
                    raise RecipeError(f"{one.name} returns {place.variable.name!r}, a {place.variable.kind}, which "
                                      f"{'no process' if self.phase == 'step' else 'no prepare process'} may change")
                if place.variable.kind != "state":
                    row = place.variable.name, place.layer(layer)
                    self.computed.add(row)
                    self.maybe.pop(row, None)

    def _at(self, one: Process, name: str, layer: int | None) -> Place:
        place = self._place(one, name)
        if place.moves and layer is None:
            variable = place.variable.name
            raise RecipeError(f"{one.name} uses layered {name!r} outside a loop over layers; put it into Layers or a "
                              f"sweep, or say {variable}_top or {variable}_layer2")
        if place.moves and not 0 <= place.layer(layer) < self.table.layers_of(place.variable):
            raise RecipeError(f"{one.name} uses {name!r} in layer {(layer or 0) + 1}, which lacks that neighbour; give "
                              "first= or last=")
        return place

    def _check_read(self, who: str, name: str, place: Place, layer: int | None) -> None:
        variable = place.variable
        if variable.kind not in PHASES[self.phase]["reads"]:
            raise RecipeError(f"{who} reads {name!r}, a {variable.kind}, but prepare must not depend on time")
        row = variable.name, place.layer(layer)
        if variable.kind not in ("diagnostic", "derived") or row in self.computed:
            return
        where = f" (layer {row[1] + 1})" if variable.dimension else ""
        if row in self.maybe:
            raise RecipeError(f"{who} reads {name!r}{where}, which is computed only where {self.maybe[row]!r} is set; "
                              "compute a value for all columns before that When")
        when = " in prepare" if variable.kind == "derived" else ""
        raise RecipeError(f"{who} reads {name!r}{where} before any process has computed it{when}")

    def _order(self, row: Row) -> tuple[int, int]:
        return list(self.table).index(row[0]), row[1]


def _groups(condition: Sequence[str], lines: Sequence[str]) -> str:
    """Lanes group by group; those groups in which no lane counts itself as `found` are skipped."""
    lane = "lane = group * GROUP + place"
    return "\n".join([
        "for group in range(LANES // GROUP):",
        "    found = 0",
        f"    for place in range({GROUP}):",
        indent(indent("\n".join([lane, *condition]))),
        "    if found != 0 or not SKIP:",
        f"        for place in range({GROUP}):",
        indent(indent(indent("\n".join([lane, *lines])))),
    ])


def _label(body: Body) -> str:
    return brief_name([one.name for one in processes_of(body)])
