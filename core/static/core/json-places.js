// Where things stand in a JSON text, finished or not: the place of every JSON path, and what the caret is in.
"use strict";

window.houseJSON = (() => {
  const TOKEN = /"(?:[^"\\\n]|\\.)*"?|[{}[\]:,]|[^\s{}[\]:,"]+/g;
  const unquoted = (token) => token.replace(/^"|"$/g, "");

  const open = (kind, steps) => ({ kind, steps, key: null, index: 0, isKeyNext: kind === "{" });

  // `places`: JSON path → [start, end] of the key, or of the item in a list. `here`: the token around the caret with its
  // role ("key" or "value"), the steps to its container (key) or to itself (value), and where it starts and ends.
  const scan = (text, { root, caret = -1 }) => {
    const places = new Map();
    const stack = [];
    let here = null;

    const stepsOf = (frame) => [...frame.steps, frame.kind === "[" ? frame.index : frame.key];
    const begin = (token, start) => {
      const frame = stack.at(-1);
      if (!frame) return { role: "value", steps: [] };
      if (frame.isKeyNext) {
        frame.key = unquoted(token);
        places.set(pathOf(root, stepsOf(frame)), [start, start + token.length]);
        return { role: "key", steps: frame.steps };
      }
      if (frame.kind === "[") places.set(pathOf(root, stepsOf(frame)), [start, start + token.length]);
      return { role: "value", steps: stepsOf(frame) };
    };

    for (const match of text.matchAll(TOKEN)) {
      const [token] = match;
      const start = match.index;
      const frame = stack.at(-1);
      if (start >= caret && caret >= 0 && !here) here = between(stack, caret);
      if (token === "{" || token === "[") {
        stack.push(open(token, begin(token, start).steps));
      } else if (token === "}" || token === "]") {
        stack.pop();
      } else if (token === ":") {
        if (frame) frame.isKeyNext = false;
      } else if (token === ",") {
        if (frame) Object.assign(frame, { index: frame.index + 1, isKeyNext: frame.kind === "{" });
      } else {
        const found = begin(token, start);
        const end = start + token.length;
        const isClosed = token.length > 1 && token.endsWith('"');
        if (start < caret && (isClosed ? caret < end : caret <= end)) here = { ...found, token, start, end };
      }
    }
    return { places, here: here ?? (caret >= 0 ? between(stack, caret) : null) };
  };

  const between = (stack, caret) => {
    const frame = stack.at(-1);
    const role = frame?.isKeyNext ? "key" : "value";
    const steps = !frame ? [] : role === "key" ? frame.steps : [...frame.steps, frame.kind === "[" ? frame.index : frame.key];
    return { role, steps, token: "", start: caret, end: caret };
  };

  const pathOf = (root, steps) =>
    steps.reduce((path, step) => (typeof step === "number" ? `${path}[${step}]` : `${path}.${step}`), root);

  // The place of a path, or of the nearest thing around it.
  const placeOf = (places, path) => {
    for (let part = path; part; part = part.replace(/(\.[^.[]*|\[\d+\])$/, "")) {
      if (places.has(part)) return places.get(part);
      if (!/[.[]/.test(part)) break;
    }
    return [0, 0];
  };

  return { scan, placeOf };
})();
