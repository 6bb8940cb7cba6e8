// Buttons of a run: transport, speed, fork, pin, scrub, copy, export; and one chip a branch.

import { freshId, make, mark, words } from "./dom.mjs";

const SHAPES = {
  play: "M4 2.5v11l9-5.5z",
  pause: "M4 2.5h3v11H4zM9 2.5h3v11H9z",
  step: "M3 2.5v11l7-5.5zM11 2.5h2v11h-2z",
  reset: "M8 3V.5L3.5 4 8 7.5V5a4 4 0 1 1-4 4H2a6 6 0 1 0 6-6z",
};

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", SHAPES[name]);
  for (const [key, value] of Object.entries({
    viewBox: "0 0 16 16",
    "aria-hidden": "true",
    class: `lk-icon lk-icon-${name}`,
  })) {
    svg.setAttribute(key, value);
  }
  svg.append(path);
  return svg;
}

function button(name, text, title, onclick, ...icons) {
  return make(
    "button",
    { type: "button", class: "lk-button", title, "data-do": name, onclick },
    ...icons.map(icon),
    text && words("span", {}, text),
  );
}

export class Toolbar {
  /** `send({do, …})`; `local` holds what the browser does itself: copy, csv, png, log(on). */
  constructor(spec, send, local) {
    this.send = send;
    this.steps = [];
    this.playing = words("span", {}, "Play");
    this.play = make(
      "button",
      { type: "button", class: "lk-button lk-play", "data-do": "play", title: "run or hold the training" },
      icon("play"),
      icon("pause"),
      this.playing,
    );
    this.play.addEventListener("click", () => send({ do: this.running ? "pause" : "play" }));
    this.speed = make("select", { "aria-label": "speed", title: "speed", "data-do": "speed" });
    this.speeds = spec.speeds ?? [];
    this.speed.append(...this.speeds.map(({ label }, i) => make("option", { value: i }, label)));
    this.speed.addEventListener("change", () => {
      this.chose = performance.now();
      send({ do: "speed", value: this.speeds[Number(this.speed.value)].value });
    });
    this.copyText = words("span", {}, "Copy code");
    this.copy = make(
      "button",
      {
        type: "button",
        class: "lk-button lk-wide",
        title: "the Python code that reproduces this run",
        "data-do": "copy",
        onclick: local.copy,
      },
      this.copyText,
    );
    this.log = make("input", {
      type: "checkbox",
      "data-do": "log",
      onchange: () => local.log(this.log.checked),
    });
    this.root = make(
      "div",
      { class: "lk-toolbar", role: "toolbar", "aria-label": "training" },
      make(
        "span",
        { class: "lk-set" },
        this.play,
        button("step", "Step", "one update", () => send({ do: "step", count: 1 }), "step"),
        button("reset", "Reset", "start again from the same seed", () => send({ do: "reset" }), "reset"),
        this.speed,
      ),
      make(
        "span",
        { class: "lk-set" },
        button("fork", "Fork", "branch off here (from the scrubbed step if there is one); both go on", () =>
          send({ do: "fork" }),
        ),
        button("pin", "Pin", "keep this run for comparison", () => send({ do: "pin" })),
      ),
      this.scrubber(),
      make(
        "label",
        { class: "lk-set lk-log", title: "logarithmic step axis" },
        this.log,
        words("span", {}, "log steps"),
      ),
      make(
        "span",
        { class: "lk-set" },
        this.copy,
        button("csv", "CSV", "download all curves as a table", local.csv),
        button("png", "PNG", "download the pictures", local.png),
      ),
    );
  }

  /** Say on the button that the code is on the clipboard. */
  copied() {
    this.copyText.say("Copied");
    setTimeout(() => this.copyText.say("Copy code"), 1500);
  }

  scrubber() {
    const id = freshId();
    this.scrub = make("input", { type: "range", id, min: 0, max: 0, step: 1, value: 0, "data-do": "scrub" });
    this.where = words("output", { class: "lk-value lk-where", for: id }, "present");
    this.now = button("now", "now", "back to the present", () => this.travel(this.steps.length));
    this.scrub.addEventListener("input", () => this.travel(Number(this.scrub.value)));
    return make(
      "span",
      { class: "lk-set lk-scrub" },
      words("label", { for: id }, "time"),
      this.scrub,
      this.where,
      this.now,
    );
  }

  /** To the recorded state `i`; one past the last is the present. */
  travel(i) {
    this.travelled = performance.now();
    const step = this.steps[i] ?? null;
    this.scrub.value = String(i);
    this.place(step);
    this.send({ do: "scrub", step });
  }

  place(step) {
    const text = step === null ? "present" : `step ${step}`;
    this.where.say(text);
    mark(this.scrub, "aria-valuetext", text);
    this.now.disabled = step === null;
  }

  follow(frame) {
    this.running = frame.state === "running";
    this.playing.say(this.running ? "Pause" : "Play");
    mark(this.play, "data-do", this.running ? "pause" : "play");
    if (!(performance.now() - this.chose < 1000)) {
      const at = this.speeds.findIndex(({ value }) => value === (frame.speed ?? null));
      if (at >= 0 && this.speed.value !== String(at)) this.speed.value = String(at);
    }
    this.steps = frame.scrub?.steps ?? [];
    mark(this.scrub, "max", this.steps.length);
    this.scrub.disabled = this.steps.length === 0;
    if (performance.now() - this.travelled < 1000) return;
    const step = frame.scrub?.at ?? null;
    const at = step === null ? this.steps.length : this.steps.findIndex((s) => s >= step);
    if (this.scrub.value !== String(at)) this.scrub.value = String(at);
    this.place(step);
  }
}

const ROLES = { live: "", ghost: "earlier", pinned: "pinned" };

/** One chip a branch: its colours, name and role; click to focus, × to drop. */
export class Chips {
  constructor(send) {
    this.send = send;
    this.root = make("div", { class: "lk-chips", role: "group", "aria-label": "runs" });
    this.chips = new Map();
  }

  follow(store, colours) {
    for (const [id, chip] of this.chips) {
      if (store.branches.has(id)) continue;
      chip.root.remove();
      this.chips.delete(id);
    }
    const live = [...store.branches.values()].filter((b) => b.role === "live").length;
    for (const branch of store.branches.values()) {
      const chip = this.chips.get(branch.id) ?? this.create(branch.id);
      const role = ROLES[branch.role] ?? branch.role;
      chip.name.say(branch.label);
      chip.role.say(branch.label.includes(role) ? "" : role);
      mark(chip.pick, "aria-pressed", branch === store.focus);
      mark(chip.root, "data-role", branch.role);
      mark(chip.drop, "aria-label", `drop ${branch.label}`);
      chip.drop.hidden = branch.role === "live" && live < 2;
      chip.swatches.forEach((swatch, i) => {
        const colour = colours(branch, i);
        if (swatch.style.color !== colour) swatch.style.color = colour;
      });
    }
  }

  create(id) {
    const swatches = [make("i", { class: "lk-swatch" }), make("i", { class: "lk-swatch" })];
    const name = words("span");
    const role = words("small");
    const pick = make(
      "button",
      { type: "button", class: "lk-pick", onclick: () => this.send({ do: "focus", branch: id }) },
      ...swatches,
      name,
      role,
    );
    const drop = make(
      "button",
      { type: "button", class: "lk-drop", onclick: () => this.send({ do: "drop", branch: id }) },
      "×",
    );
    const root = make("span", { class: "lk-chip", "data-branch": id }, pick, drop);
    this.root.append(root);
    const chip = { root, swatches, name, role, pick, drop };
    this.chips.set(id, chip);
    return chip;
  }
}
