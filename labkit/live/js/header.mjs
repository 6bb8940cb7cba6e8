// The panel's first line: its title, the presets, and one line of commentary on the chosen one.

import { freshId, make, words } from "./dom.mjs";

export class Header {
  constructor(spec, controls, send) {
    this.presets = spec.presets ?? [];
    this.controls = controls;
    this.send = send;
    this.comment = words("span", { class: "lk-comment" });
    this.root = make("header", { class: "lk-header" }, words("strong", { class: "lk-heading" }, spec.title));
    if (!this.presets.length) return;
    const id = freshId();
    this.menu = make("select", { id, "data-do": "preset" }, make("option", { value: "" }, "own settings"));
    this.menu.append(...this.presets.map(({ name }, i) => make("option", { value: i }, name)));
    this.menu.addEventListener("change", () => this.choose(this.presets[this.menu.value]));
    this.root.append(words("label", { for: id }, "preset"), this.menu, this.comment);
  }

  /** Set the controls here and tell the kernel in one message. */
  choose(preset) {
    if (!preset) return;
    this.chosen = performance.now();
    this.controls.preset(preset.values, this.send({ do: "set", values: preset.values }));
    this.comment.say(preset.comment);
  }

  /** Show the preset that the controls now stand for, if any. */
  follow() {
    if (!this.menu || performance.now() - this.chosen < 1000) return;
    const at = this.presets.findIndex(({ values }) => this.controls.match(values));
    const value = at < 0 ? "" : String(at);
    if (this.menu.value !== value) this.menu.value = value;
    this.comment.say(this.presets[at]?.comment ?? "");
  }
}
