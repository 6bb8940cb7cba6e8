// The panel: one DOM tree made once, fed by frames. Entry point of the widget.

import { legible, readTheme } from "./colours.mjs";
import { Controls } from "./controls.mjs";
import { DiagramPicture } from "./diagram.mjs";
import { make, mark, words } from "./dom.mjs";
import { copied, download, sheet } from "./files.mjs";
import { Header } from "./header.mjs";
import { HeatmapPicture } from "./heatmap.mjs";
import { LinesPicture } from "./lines.mjs";
import { Link } from "./link.mjs";
import { Nest } from "./nest.mjs";
import { Plan } from "./plan.mjs";
import { ScatterPicture } from "./scatter.mjs";
import { Status } from "./status.mjs";
import { Store, csv, eventText } from "./store.mjs";
import { TablePicture } from "./table.mjs";
import { Chips, Toolbar } from "./toolbar.mjs";

const PICTURES = {
  Lines: LinesPicture,
  Heatmap: HeatmapPicture,
  Scatter: ScatterPicture,
  Diagram: DiagramPicture,
  Table: TablePicture,
};
/** Frames that one acknowledgement answers (the kernel waits after four), and how long it waits for the next. */
const FRAMES_AN_ACK = 4;
const ACK_MS = 500;

/** Call back when this animation frame is on the screen: without a GPU most of its time comes after our code. */
function painted(done) {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    done();
  };
  port2.postMessage(null);
}

class Panel {
  constructor(model, el) {
    this.spec = model.get("spec");
    this.store = new Store();
    this.pictures = [];
    this.frames = 0;
    this.log = model.get("spec").mode === "diagram" ? false : null;
    this.zoom = null;
    this.applied = 0;
    this.unacknowledged = [];
    this.stopping = new AbortController();
    this.link = new Link(
      model,
      (frame, buffers) => this.receive(frame, buffers),
      (words) => this.fail(words),
    );
    this.send = (content) => this.link.send(content);
    this.build(el);
    this.nest = new Nest(model, el, (child, below) => new Panel(child, below));
    this.observe();
    this.link.open();
  }

  // ---------------------------------------------------------------- the tree

  build(el) {
    const { spec } = this;
    const training = spec.mode === "train";
    this.controls = new Controls(spec, (values) => this.send({ do: "set", values }));
    const local = {
      copy: () => this.copy(),
      csv: () => download(`${this.fileName}.csv`, csv(this.store.branches.values()), "text/csv"),
      png: () => this.png(),
      log: (on) => this.rescale(on),
    };
    this.toolbar = spec.mode === "diagram" ? new Plan(spec, this.send, local) : new Toolbar(spec, this.send, local);
    this.chips = new Chips(this.send);
    this.events = words("span", { class: "lk-events" });
    this.grid = make("div", { class: "lk-pictures" });
    this.header = new Header(spec, this.controls, this.send);
    this.status = new Status();
    this.text = make("textarea", {
      class: "lk-code",
      readonly: true,
      rows: 6,
      "aria-label": "code that reproduces this run",
    });
    this.code = make(
      "div",
      { class: "lk-copy", hidden: true },
      words("span", {}, "Copy this text:"),
      this.text,
    );
    this.root = make(
      "section",
      {
        class: "lk-panel",
        "aria-label": spec.title,
        "data-lm-suppress-shortcuts": "true",
        "data-mode": spec.mode,
        "data-state": "connecting",
        "data-frames": 0,
      },
      this.header.root,
      spec.mode === "explore" ? null : this.toolbar.root,
      this.code,
      make(
        "div",
        { class: "lk-body" },
        spec.controls.length ? this.controls.root : null,
        make(
          "div",
          { class: "lk-main" },
          training ? make("div", { class: "lk-legend" }, this.chips.root, this.events) : null,
          this.grid,
        ),
      ),
      this.status.root,
      this.status.spoken,
    );
    this.root.addEventListener("keydown", (event) => event.stopPropagation());
    el.append(this.root);
  }

  // ------------------------------------------------------------------ frames

  /** Take a frame in; false when data before it are missing. */
  receive(content, buffers) {
    const whole = this.store.apply(content, buffers);
    if (content.pictures) this.arrange();
    this.applied = content.applied ?? 0;
    this.label();
    this.unacknowledged.push(content.seq);
    this.schedule();
    return whole;
  }

  /** Draw at the next animation frame. A hidden page has none: the kernel then slows down by itself. */
  schedule() {
    if (this.scheduled || this.closed) return;
    this.scheduled = requestAnimationFrame(() => {
      this.scheduled = 0;
      const began = performance.now();
      try {
        this.draw();
      } finally {
        painted(() => this.acknowledge((performance.now() - began) / 1000));
      }
    });
  }

  /**
   * Say what was drawn and the seconds it took: once for four frames, when no other comes, or at once when the
   * kernel has more to tell. Every message makes JupyterLab show a busy kernel in its status bar and its icon,
   * which costs the browser as much as a frame.
   */
  acknowledge(drew) {
    const { unacknowledged: frames } = this;
    if (!frames.length || this.closed) return;
    clearTimeout(this.acknowledging);
    const say = () => this.send({ do: "ack", seq: frames.splice(0).at(-1), drew });
    if (frames.length < FRAMES_AN_ACK && !this.store.frame?.more) this.acknowledging = setTimeout(say, ACK_MS);
    else say();
  }

  /** Data attributes, at once: what tests and style sheets read. */
  label() {
    const { frame, focus, branches } = this.store;
    const about = {
      state: frame.state,
      step: frame.step,
      seq: frame.seq,
      applied: this.applied,
      branches: branches.size,
      scrub: frame.scrub?.at ?? "",
    };
    for (const [name, value] of Object.entries(about)) mark(this.root, `data-${name}`, value);
    for (const [name, value] of Object.entries(focus?.config ?? {}))
      mark(this.root, `data-value-${name}`, value);
  }

  /** Make the pictures, or hand new declarations to those that are there. */
  arrange() {
    const declared = this.store.pictures;
    const signature = declared.map((p) => `${p.kind}:${p.name}:${p.depth ?? ""}`).join("|");
    if (signature === this.signature) {
      this.pictures.forEach((picture, i) => picture.declare(declared[i]));
      return;
    }
    this.signature = signature;
    for (const picture of this.pictures) {
      this.sizes.unobserve(picture.shell.plot);
      picture.close();
      picture.shell.root.remove();
    }
    this.pictures = declared.map((picture) => new PICTURES[picture.kind](picture, this.send));
    for (const picture of this.pictures) {
      this.grid.append(picture.shell.root);
      this.sizes.observe(picture.shell.plot);
    }
    if (this.log === null) {
      const first = declared.find((p) => p.kind === "Lines" && p.lines.some((line) => line.x === "step"));
      this.log = first ? first.xscale === "log" : null;
      this.toolbar.log.checked = Boolean(this.log);
    }
  }

  draw() {
    if (this.closed || !this.store.frame) return;
    this.tell();
    if (!this.root.clientWidth) return;
    const scene = this.scene();
    for (const picture of this.pictures) picture.draw(scene);
    this.frames += 1;
    mark(this.root, "data-frames", this.frames);
  }

  scene() {
    const { store, theme } = this;
    const palette = store.frame.palette ?? [["#0072B2", "#D55E00"]];
    return {
      store,
      theme,
      palette,
      log: this.log,
      zoom: this.zoom,
      lastStep: store.lastStep,
      scrub: store.frame.scrub?.at ?? null,
      labelOf: (name) => this.controls.labels.get(name) ?? name,
      colour: (branch, shade) => this.colour(branch, shade),
      setZoom: (zoom) => {
        this.zoom = zoom;
        this.schedule();
      },
    };
  }

  colour(branch, shade) {
    const palette = this.store.frame.palette ?? [["#0072B2", "#D55E00"]];
    const row = palette[(branch?.colour ?? 0) % palette.length];
    return legible(row[shade % row.length], this.theme.paper);
  }

  /** Words and controls. */
  tell() {
    const { frame, focus } = this.store;
    this.controls.follow(focus?.config ?? {}, this.applied);
    this.toolbar.follow(frame);
    this.chips.follow(this.store, (branch, shade) => this.colour(branch, shade));
    this.events.say(eventText(focus?.events ?? []));
    this.header.follow();
    this.status.follow(frame, focus, this.spec.mode === "train");
    if (frame.opened) this.nest.open(frame.opened);
  }

  fail(message) {
    mark(this.root, "data-state", "failed");
    this.status.fail(message);
  }

  // ----------------------------------------------------------------- actions

  rescale(on) {
    this.log = on;
    this.zoom = null;
    this.schedule();
  }

  get fileName() {
    return (
      this.spec.title
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "_")
        .replace(/^_|_$/g, "") || "labkit"
    );
  }

  async copy() {
    const code = this.store.focus?.code ?? "";
    const done = await copied(code);
    this.code.hidden = done;
    if (done) {
      this.toolbar.copied();
      this.status.spoken.say("code copied");
      return;
    }
    this.text.value = code;
    this.text.focus();
    this.text.select();
  }

  async png() {
    const drawn = this.pictures
      .filter((p) => p.canvas)
      .map((p) => ({ canvas: p.canvas, title: p.declared.title, key: p.key?.() }));
    if (!drawn.length) return;
    const columns = Math.min(drawn.length, this.spec.figure_columns ?? 3);
    download(`${this.fileName}.png`, await sheet(this.spec.title, drawn, columns, this.theme));
  }

  // ------------------------------------------------------------ size, theme

  observe() {
    const { signal } = this.stopping;
    this.sizes = new ResizeObserver((entries) => {
      for (const { target, contentRect } of entries) {
        if (target === this.root) this.fit(contentRect.width);
        else
          this.pictures
            .find((p) => p.shell.plot === target)
            ?.resize(Math.floor(contentRect.width), Math.floor(contentRect.height));
      }
      this.schedule();
    });
    this.sizes.observe(this.root);
    this.dress();
    this.themes = new MutationObserver(() => {
      this.dress();
      setTimeout(() => {
        this.dress();
        this.schedule(); // styles that came late may have emptied a canvas
      }, 400);
    });
    const attributes = ["class", "style", "data-jp-theme-light", "data-jp-theme-name"];
    for (const element of [document.body, document.documentElement]) {
      this.themes.observe(element, { attributes: true, attributeFilter: attributes });
    }
    document.addEventListener("visibilitychange", () => document.hidden || this.schedule(), { signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.dress(), { signal });
  }

  fit(width) {
    if (!width) return;
    this.dress(); // before it is on the page an element has no style to read
    const fitting = width >= 1100 ? 3 : width >= 560 ? 2 : 1;
    mark(this.root, "data-width", width >= 820 ? "wide" : "narrow");
    this.root.style.setProperty("--lk-columns", Math.min(fitting, this.spec.figure_columns ?? 3));
  }

  /** Read the theme again and redraw if it changed. */
  dress() {
    if (!this.root.isConnected && this.theme) return;
    const theme = readTheme(this.root);
    if (JSON.stringify(theme) === JSON.stringify(this.theme)) return;
    this.theme = theme;
    mark(this.root, "data-theme", theme.dark ? "dark" : "light");
    this.schedule();
  }

  close() {
    this.closed = true;
    cancelAnimationFrame(this.scheduled);
    clearTimeout(this.acknowledging);
    this.stopping.abort();
    this.sizes.disconnect();
    this.themes.disconnect();
    this.controls.close();
    this.status.close();
    for (const picture of this.pictures) picture.close();
    this.nest.close();
    this.root.remove();
    this.link.close();
  }
}

function render({ model, el }) {
  const panel = new Panel(model, el);
  return () => panel.close();
}

export default { render };
