// What a JSON Schema (draft 2020-12) offers at a place: names of keys, values of a list, words of a text.
"use strict";

window.houseCompletion = (() => {
  const follow = (schema, pointer) =>
    pointer.replace(/^#\//, "").split("/").reduce((node, part) => node?.[part], schema);

  // A node with everything it refers to or leaves open.
  const expanded = (schema, node) => {
    if (!node || typeof node !== "object") return [];
    const parts = [...(node.$ref ? [follow(schema, node.$ref)] : []), ...(node.anyOf ?? []), ...(node.oneOf ?? [])];
    return [node, ...parts.flatMap((part) => expanded(schema, part))];
  };

  const step = (schema, nodes, name) =>
    nodes.flatMap((node) => {
      if (typeof name === "number") return node.items ? expanded(schema, node.items) : [];
      const found = node.properties?.[name];
      if (found) return expanded(schema, found);
      const pattern = Object.keys(node.patternProperties ?? {}).find((each) => new RegExp(each).test(name));
      return pattern ? expanded(schema, node.patternProperties[pattern]) : [];
    });

  const nodesAt = (schema, start, steps) =>
    steps.reduce((nodes, name) => step(schema, nodes, name), expanded(schema, follow(schema, start)));

  const choice = (name, node) => ({ name, title: node?.title ?? "", help: node?.description ?? "" });

  const keys = (nodes, typed) =>
    nodes.flatMap((node) =>
      Object.entries(node.properties ?? {}).flatMap(([name, property]) => {
        const suffixes = typed.startsWith(name) ? Object.entries(property["x-suffixes"] ?? {}) : [];
        return [
          choice(name, property),
          ...suffixes.map(([suffix, help]) => ({ ...choice(name + suffix, property), help })),
        ];
      }),
    );

  const values = (nodes) =>
    nodes.flatMap((node) => (node.enum ?? []).filter((each) => typeof each === "string").map((each) => choice(each)));

  const ranked = (choices, typed) => {
    const wanted = typed.toLowerCase();
    const rank = ({ name }) => (name.startsWith(wanted) ? 0 : name.toLowerCase().includes(wanted) ? 1 : 2);
    const seen = new Set();
    return choices
      .filter((each) => rank(each) < 2 && !seen.has(each.name) && seen.add(each.name))
      .sort((one, other) => rank(one) - rank(other))
      .slice(0, 60);
  };

  // Return {choices, from, to, quote}: what may replace the text between two offsets, and whether it stands in quotes.
  const offers = (schema, start, here, text, caret) => {
    const nodes = nodesAt(schema, start, here.steps);
    const words = nodes.find((node) => node["x-words"])?.["x-words"];
    if (here.role === "value" && words && here.token) {
      const typed = /[A-Za-z_][A-Za-z0-9_]*$/.exec(text.slice(here.start + 1, caret))?.[0] ?? "";
      const rest = /^[A-Za-z0-9_]*/.exec(text.slice(caret))[0];
      const choices = ranked(Object.entries(words).map(([name, node]) => choice(name, node)), typed);
      return { choices: typed ? choices : [], from: caret - typed.length, to: caret + rest.length, quote: false };
    }
    const typed = text.slice(here.start, caret).replace(/^"/, "");
    const choices = ranked(here.role === "key" ? keys(nodes, typed) : values(nodes), typed);
    return { choices, from: here.start, to: here.end, quote: true, isKey: here.role === "key" };
  };

  return { offers };
})();
