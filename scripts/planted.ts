/**
 * The faults that lint must catch, and the code it must let pass. Each plant is one small file in a copy of the
 * project's layout; `check-planted.ts` lints them all and compares.
 */

import { LIBRARY_HOME, OBJECT_MAY_IMPORT, ROOMS, mayImport } from "./import-table.ts";

/** One planted file. */
export interface Plant {
  readonly file: string;
  readonly text: string;
  /** The rule that must refuse it, or null for code that must pass. */
  readonly rule: string | null;
}

const IMPORTS = "eslint(no-restricted-imports)";

/** The neighbours that plants import: one module a room, so that a legal import resolves. */
export function neighbours(): Plant[] {
  const rooms = ROOMS.map((room) => `src/${room}`);
  const objects = ["shared", ...Object.keys(OBJECT_MAY_IMPORT)].map(
    (name) => `durable-objects/${name}`,
  );
  const outside = ["dev", "bench", "scripts", "test", "test/simulation"];
  return [...rooms, ...objects, ...outside].map((folder) => ({
    file: `${folder}/neighbour.ts`,
    text: "/** One. */\nexport const value: number = 1;\n/** Two. */\nexport type Value = number;\n",
    rule: null,
  }));
}

/** Every pair of rooms, once: refused or allowed exactly as the table says. */
function roomPairs(): Plant[] {
  return ROOMS.flatMap((room) =>
    ROOMS.filter((other) => other !== room).map((other) => ({
      file: `src/${room}/imports-${other}.ts`,
      text: `import type { Value } from "../${other}/neighbour.ts";\nexport const copy: Value = 1;\n`,
      rule: mayImport(room, other) ? null : IMPORTS,
    })),
  );
}

function refused(file: string, text: string): Plant {
  return { file, text, rule: IMPORTS };
}

/** Every form an import can take, and every way round the table that is known. */
const IMPORT_FORMS: readonly Plant[] = [
  refused(
    "src/edge/static.ts",
    'import { value } from "../upstream/neighbour.ts";\nexport const copy = value;\n',
  ),
  refused("src/edge/dynamic.ts", 'export const load = () => import("../upstream/neighbour.ts");\n'),
  refused("src/edge/re-export.ts", 'export { value } from "../upstream/neighbour.ts";\n'),
  refused("src/edge/re-export-all.ts", 'export * from "../upstream/neighbour.ts";\n'),
  refused("src/edge/side-effect.ts", 'import "../upstream/neighbour.ts";\n'),
  refused(
    "src/edge/routes/deep.ts",
    'import { value } from "../../upstream/neighbour.ts";\nexport const copy = value;\n',
  ),
  refused(
    "src/edge/detour.ts",
    'import { value } from "../../src/upstream/neighbour.ts";\nexport const copy = value;\n',
  ),
  refused(
    "src/edge/barrel.ts",
    'import { value } from "../contract/index.ts";\nexport const copy = value;\n',
  ),
  refused(
    "src/contract/value-of-platform.ts",
    'import { value } from "../platform/neighbour.ts";\nexport const copy = value;\n',
  ),
  refused(
    "src/orchestration/cloudflare.ts",
    'import { env } from "cloudflare:workers";\nexport const copy = env;\n',
  ),
  refused(
    "src/tools/object.ts",
    'import { value } from "../../durable-objects/tenant/neighbour.ts";\nexport const copy = value;\n',
  ),
  refused(
    "src/tools/dev.ts",
    'import { value } from "../../dev/neighbour.ts";\nexport const copy = value;\n',
  ),
  refused(
    "src/tools/development-package.ts",
    'import { test } from "vitest";\nexport const copy = test;\n',
  ),
  refused(
    "src/contract/bare-zod.ts",
    'import { z } from "zod";\nexport const copy = z.string();\n',
  ),
  refused("test/bare-zod.ts", 'import { z } from "zod";\nexport const copy = z.string();\n'),
  refused(
    "dev/room.ts",
    'import { value } from "../src/tools/neighbour.ts";\nexport const copy = value;\n',
  ),
  refused(
    "bench/test.ts",
    'import { value } from "../test/neighbour.ts";\nexport const copy = value;\n',
  ),
  refused(
    "dev/simulation.ts",
    'import { value } from "../test/simulation/neighbour.ts";\nexport const copy = value;\n',
  ),
  refused(
    "dev/bench.ts",
    'import { value } from "../bench/neighbour.ts";\nexport const copy = value;\n',
  ),
  refused(
    "scripts/object.ts",
    'import { value } from "../durable-objects/tenant/neighbour.ts";\nexport const copy = value;\n',
  ),
  refused(
    "src/index.ts",
    'import { value } from "./upstream/neighbour.ts";\nexport const copy = value;\n',
  ),
  refused(
    "durable-objects/tenant/sibling.ts",
    'import { value } from "../tenant-gate/neighbour.ts";\nexport const copy = value;\n',
  ),
  refused(
    "durable-objects/tenant/room.ts",
    'import { value } from "../../src/assembly/neighbour.ts";\nexport const copy = value;\n',
  ),
  refused(
    "durable-objects/tenant/library.ts",
    'import { Hono } from "hono";\nexport const copy = Hono;\n',
  ),
];

/** Every library in every room that is not its home. */
function strayLibraries(): Plant[] {
  return Object.keys(LIBRARY_HOME).flatMap((name) =>
    ROOMS.filter((room) => LIBRARY_HOME[name] !== room).map((room) =>
      refused(
        `src/${room}/library-${name.replaceAll(/\W/g, "-")}.ts`,
        `import * as library from "${name}";\nexport const copy = library;\n`,
      ),
    ),
  );
}

/** Faults that are not imports. */
const FAULTS: readonly Plant[] = [
  {
    file: "src/tools/any.ts",
    text: "export function loose(value: any): unknown {\n  return value;\n}\n",
    rule: "typescript(no-explicit-any)",
  },
  {
    file: "test/any.ts",
    text: "export const loose = (value: any): unknown => value;\n",
    rule: "typescript(no-explicit-any)",
  },
  ...["src/tools", "durable-objects/tenant", "dev", "bench", "scripts", "test"].map((folder) => ({
    file: `${folder}/floating.ts`,
    text: "async function work(): Promise<void> {\n  await Promise.resolve();\n}\nexport function start(): void {\n  work();\n}\n",
    rule: "typescript(no-floating-promises)",
  })),
  {
    file: "src/tools/non-null.ts",
    text: "export const first = (list: string[]): string => list[0]!;\n",
    rule: "typescript(no-non-null-assertion)",
  },
  {
    file: "src/tools/type-import.ts",
    text: 'import { Value } from "../contract/neighbour.ts";\nexport const copy: Value = 1;\n',
    rule: "typescript(consistent-type-imports)",
  },
  {
    file: "src/tools/exhaustive.ts",
    text: 'export function word(kind: "a" | "b"): string {\n  switch (kind) {\n    case "a":\n      return "A";\n  }\n  return "";\n}\n',
    rule: "typescript(switch-exhaustiveness-check)",
  },
  {
    file: "src/tools/fetch.ts",
    text: 'export const ask = (): Promise<Response> => fetch("https://example.com");\n',
    rule: "eslint(no-restricted-globals)",
  },
  {
    file: "src/orchestration/timer.ts",
    text: "export function later(work: () => void): void {\n  setTimeout(work, 1);\n}\n",
    rule: "eslint(no-restricted-globals)",
  },
  {
    file: "src/algorithms/clock.ts",
    text: "export const now = (): number => Date.now();\n",
    rule: "eslint(no-restricted-properties)",
  },
  { file: "src/tools/long.ts", text: "export {};\n".repeat(301), rule: "eslint(max-lines)" },
  {
    file: "src/tools/long-function.ts",
    text: `export function long(list: number[]): void {\n${"  list.push(1);\n".repeat(70)}}\n`,
    rule: "eslint(max-lines-per-function)",
  },
  {
    file: "src/tools/default.ts",
    text: "const value = 1;\nexport default value;\n",
    rule: "import(no-default-export)",
  },
];

/** Code that must pass, so that the rules forbid no more than they say. */
const LEGAL: readonly Plant[] = [
  {
    file: "bench/simulation.ts",
    text: 'import { value } from "../test/simulation/neighbour.ts";\nexport const copy = value;\n',
    rule: null,
  },
  {
    file: "src/contract/mini.ts",
    text: 'import * as z from "zod/mini";\nexport const Name = z.string();\n',
    rule: null,
  },
  {
    file: "src/edge/hono.ts",
    text: 'import { Hono } from "hono";\nimport { stream } from "hono/streaming";\nexport const parts = [Hono, stream];\n',
    rule: null,
  },
  {
    file: "src/edge/object-type.ts",
    text: 'import type { Value } from "../../durable-objects/tenant/neighbour.ts";\nexport const copy: Value = 1;\n',
    rule: null,
  },
  {
    file: "src/upstream/fetch.ts",
    text: 'export const ask = (): Promise<Response> => fetch("https://example.com");\n',
    rule: null,
  },
  {
    file: "src/edge/tools/own-folder.ts",
    text: 'import { value } from "./neighbour.ts";\nexport const copy = value;\n',
    rule: null,
  },
  { file: "src/edge/tools/neighbour.ts", text: "export const value = 1;\n", rule: null },
  {
    file: "durable-objects/tenant/shared.ts",
    text: 'import { value } from "../shared/neighbour.ts";\nimport { value as other } from "../../src/platform/neighbour.ts";\nexport const sum = value + other;\n',
    rule: null,
  },
  {
    file: "bench/dev.ts",
    text: 'import { value } from "../dev/neighbour.ts";\nexport const copy = value;\n',
    rule: null,
  },
  {
    file: "test/anything.ts",
    text: 'import { value } from "../src/tools/neighbour.ts";\nexport const copy = value;\n',
    rule: null,
  },
];

/** Every planted file; no two share a path. */
export function plants(): Plant[] {
  return [
    ...neighbours(),
    ...roomPairs(),
    ...IMPORT_FORMS,
    ...strayLibraries(),
    ...FAULTS,
    ...LEGAL,
  ];
}
