// Text areas for JSON: says while one types whether the text can be read, marks what the house would refuse at its line, and
// offers what the schema knows. Only a check of the text leaves the page, and only to the house itself.
"use strict";

(() => {
  const CHECK_AFTER_MS = 400;
  const schemas = new Map();

  const make = (tag, className, properties = {}) =>
    Object.assign(document.createElement(tag), { className, ...properties });

  const load = (url) => {
    if (!schemas.has(url)) {
      schemas.set(url, fetch(url, { headers: { Accept: "application/json" } }).then((got) => (got.ok ? got.json() : null)));
    }
    return schemas.get(url);
  };

  const lineOf = (text, offset) => text.slice(0, offset).split("\n").length;

  const watch = (area) => {
    const frame = make("div", "house-json-frame");
    const gutter = make("div", "house-json-gutter", { ariaHidden: "true" });
    area.wrap = "off";
    area.before(frame);
    frame.append(gutter, area);

    const bar = make("div", "house-json-state");
    const state = make("span", "");
    state.setAttribute("role", "status");
    const button = make("button", "house-link", { type: "button", textContent: "Indent" });
    const list = make("ul", "house-json-problems");
    bar.append(state, " · ", button);
    frame.after(bar, list);

    const say = (text, isGood) => Object.assign(state, { textContent: text, className: isGood ? "house-good" : "house-bad" });

    const mark = (problems) => {
      const lines = new Map(problems.map(({ line, message }) => [line, message]));
      const count = area.value.split("\n").length;
      gutter.replaceChildren(
        ...Array.from({ length: count }, (_, index) => {
          const message = lines.get(index + 1);
          return make("div", message ? "house-json-marked" : "", { textContent: index + 1, title: message ?? "" });
        }),
      );
      gutter.scrollTop = area.scrollTop;
      list.replaceChildren(...problems.map((problem) => line(problem)));
    };

    const line = ({ line: number, place, message }) => {
      const item = make("li", "");
      const go = make("button", "house-link", { type: "button", textContent: `Line ${number}` });
      go.addEventListener("click", () => {
        area.focus();
        area.setSelectionRange(...place);
      });
      item.append(go, ` ${message}`);
      return item;
    };

    const read = () => {
      try {
        const value = JSON.parse(area.value || "{}");
        if (value !== null && typeof value === "object" && !Array.isArray(value)) return value;
        say("A JSON object {…} is needed", false);
        mark([]);
      } catch (error) {
        const at = Number(/position (\d+)/.exec(error.message)?.[1] ?? area.value.length);
        const number = lineOf(area.value, at);
        say(`Not JSON yet: ${error.message}`, false);
        mark([{ line: number, place: [at, at + 1], message: "Reading stops here." }]);
      }
      return null;
    };

    const show = (problems) => {
      const root = area.dataset.root;
      const { places } = window.houseJSON.scan(area.value, { root });
      const mine = problems
        .filter(({ path }) => path === root || path.startsWith(`${root}.`))
        .map(({ path, message, suggestion }) => {
          const place = window.houseJSON.placeOf(places, path);
          const name = path === root ? "" : `${path.slice(root.length + 1)}: `;
          const text = `${name}${message}${suggestion ? ` (${suggestion})` : ""}`;
          return { line: lineOf(area.value, place[0]), place, message: text };
        })
        .sort((one, other) => one.place[0] - other.place[0]);
      const many = mine.length === 1 ? "1 problem" : `${mine.length} problems`;
      say(mine.length ? many : "Nothing to object to", !mine.length);
      mark(mine);
    };

    let timer = 0;
    let asked = null;
    const ask = async (value) => {
      asked = new AbortController();
      try {
        const answer = await fetch(area.dataset.check, {
          method: "POST",
          signal: asked.signal,
          headers: {
            "Content-Type": "application/json",
            "X-CSRFToken": area.form.elements.csrfmiddlewaretoken?.value ?? "",
          },
          body: JSON.stringify({ ...beside(area), [area.dataset.root]: value }),
        });
        if (answer.ok) show((await answer.json()).problems);
      } catch (error) {
        if (error.name !== "AbortError") say("Readable JSON; it could not be checked", true);
      }
    };

    const check = () => {
      clearTimeout(timer);
      asked?.abort(); // what is answered now was said of another text
      const value = read();
      if (value === null) return;
      say("Readable JSON", true);
      if (area.dataset.check) timer = setTimeout(ask, CHECK_AFTER_MS, value);
      else mark([]);
    };

    button.addEventListener("click", () => {
      try {
        area.value = JSON.stringify(JSON.parse(area.value || "{}"), null, 2);
        check();
      } catch {
        area.focus();
      }
    });
    area.addEventListener("input", check);
    area.addEventListener("scroll", () => (gutter.scrollTop = area.scrollTop));
    area.form?.addEventListener("change", (event) => event.target !== area && check());
    mark([]);
    check();
    if (area.dataset.schema) offer(area, frame);
  };

  // What else the check should know: other fields of the form, choices, dates, numbers as numbers, JSON as JSON; what
  // cannot be read is left out.
  const beside = (area) => {
    const names = (area.dataset.beside ?? "").split(" ").filter(Boolean);
    const found = names.map((name) => [name, area.form.elements[name]]).filter(([, field]) => field?.value);
    return Object.fromEntries(found.flatMap(([name, field]) => {
      try {
        if (field.multiple) return [[name, [...field.selectedOptions].map((option) => option.value)]];
        const isText = field.tagName === "SELECT" || isDate(field);
        return [[name, isText ? field.value : JSON.parse(field.value)]];
      } catch {
        return [];
      }
    }));
  };

  const isDate = (field) => /^\d{4}-\d{2}-\d{2}$/.test(field.value);

  const offer = (area, frame) => {
    const id = `${area.id}-offers`;
    const box = make("div", "house-json-offers", { id, hidden: true });
    box.setAttribute("role", "listbox");
    box.setAttribute("aria-label", "Suggestions");
    frame.append(box);
    area.setAttribute("aria-autocomplete", "list");
    area.setAttribute("aria-controls", id);
    let offered = null;
    let chosen = 0;

    const close = () => {
      offered = null;
      box.hidden = true;
      area.removeAttribute("aria-activedescendant");
    };

    const choose = (index) => {
      chosen = (index + offered.choices.length) % offered.choices.length;
      [...box.children].forEach((each, at) => each.setAttribute("aria-selected", String(at === chosen)));
      box.children[chosen].scrollIntoView({ block: "nearest" });
      area.setAttribute("aria-activedescendant", box.children[chosen].id);
    };

    const take = () => {
      const { name } = offered.choices[chosen];
      const { from, to, quote, isKey } = offered;
      const hasColon = /^\s*:/.test(area.value.slice(to));
      const text = quote ? `"${name}"${isKey && !hasColon ? ": " : ""}` : name;
      close();
      area.setRangeText(text, from, to, "end");
      area.dispatchEvent(new Event("input", { bubbles: true }));
    };

    const open = async (isAsked) => {
      const schema = await load(area.dataset.schema);
      const caret = area.selectionStart;
      if (!schema || caret !== area.selectionEnd) return close();
      const { here } = window.houseJSON.scan(area.value, { root: area.dataset.root, caret });
      if (!here || !(isAsked || here.token.startsWith('"'))) return close();
      offered = window.houseCompletion.offers(schema, `#/$defs/${area.dataset.root}`, here, area.value, caret);
      if (!offered.choices.length) return close();
      box.replaceChildren(...offered.choices.map((each, index) => option(each, `${id}-${index}`, index)));
      place(caret);
      box.hidden = false;
      choose(0);
    };

    const option = ({ name, title, help }, optionId, index) => {
      const row = make("div", "", { id: optionId });
      row.setAttribute("role", "option");
      row.append(make("b", "house-mono", { textContent: name }), make("i", "", { textContent: title }), make("span", "", { textContent: help }));
      row.addEventListener("mousedown", (event) => {
        event.preventDefault();
        choose(index);
        take();
      });
      return row;
    };

    const place = (caret) => {
      const style = getComputedStyle(area);
      const pencil = document.createElement("canvas").getContext("2d");
      pencil.font = style.font;
      const before = area.value.slice(0, caret).split("\n");
      const left = area.offsetLeft + parseFloat(style.paddingLeft) + pencil.measureText(before.at(-1)).width - area.scrollLeft;
      const top = area.offsetTop + parseFloat(style.paddingTop) + before.length * parseFloat(style.lineHeight) - area.scrollTop;
      box.style.left = `${Math.max(0, Math.min(left, frame.clientWidth - 420))}px`;
      box.style.top = `${top + 4}px`;
    };

    area.addEventListener("input", (event) => event.isTrusted && open(false));
    area.addEventListener("blur", close);
    area.addEventListener("click", close);
    area.addEventListener("keydown", (event) => {
      if (event.key === " " && event.ctrlKey) {
        event.preventDefault();
        open(true);
      } else if (offered) {
        const act = {
          ArrowDown: () => choose(chosen + 1),
          ArrowUp: () => choose(chosen - 1),
          Enter: take,
          Tab: take,
          Escape: close,
        }[event.key];
        if (act) event.preventDefault();
        act?.();
      }
    });
  };

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("textarea.house-json-editor").forEach(watch);
  });
})();
