/**
 * Lint rules. The dependency rule is generated from scripts/import-table.ts; `npm run check:planted` proves it bites.
 *
 * Oxlint replaces a rule's options when a later override names the same rule; it never merges them. So every file
 * matches exactly one override with `no-restricted-imports`, and each such override is complete.
 */

import { defineConfig } from "oxlint";

import manifest from "./package.json" with { type: "json" };
import {
  ENTRY_MAY_IMPORT,
  LIBRARY_HOME,
  MAY_IMPORT,
  OBJECT_COMMON,
  OBJECT_MAY_IMPORT,
  OUTSIDE_MAY_IMPORT,
  PORTABLE_ROOMS,
  ROOMS,
  TYPES_ONLY,
  mayImport,
  type Room,
} from "./scripts/import-table.ts";

interface Pattern {
  regex: string;
  message: string;
  allowTypeImports?: boolean;
}

const OBJECTS = Object.keys(OBJECT_MAY_IMPORT);

/** Development packages by name, so that none is ever bundled into the Worker. */
const DEVELOPMENT_PACKAGES = Object.keys(manifest.devDependencies);

/** Matches a package and everything below it, and nothing relative. */
function packages(names: readonly string[]): string {
  return `^(${names.map((name) => name.replaceAll(/[/.-]/g, String.raw`\$&`)).join("|")})(/|$)`;
}

/** Matches an import that climbs out of a folder and into one of `folders`. */
function climbingInto(folders: readonly string[]): string {
  return String.raw`(^|/)\.\./(src/)?(${folders.join("|")})(/|$)`;
}

/** Rules on the form of an import, the same everywhere. */
const FORM: readonly Pattern[] = [
  {
    regex: String.raw`(^|/)\.{1,2}/?$|(^|/)(index|utils|helpers|types)(\.ts)?$`,
    message: "name the file; no barrels",
  },
  { regex: "^(/|src/|durable-objects/|file:)", message: "use a relative path" },
];

/**
 * Zod comes as `import * as z from "zod/mini"`: the named import of bare zod costs 92 KiB gzip. The linter cannot tell
 * a named import from a namespace, so `npm run check:source` refuses `import { z }`.
 */
const ZOD: readonly Pattern[] = [
  {
    regex: "^zod$|^zod/(v[0-9]|locales|core|mini/)|^zod/mini/",
    message: 'import * as z from "zod/mini"',
  },
];

const DEVELOPMENT: Pattern = {
  regex: packages(DEVELOPMENT_PACKAGES),
  message: "a development package may not reach the Worker",
};

const SRC_ON_OBJECTS: Pattern = {
  regex: "(^|/)durable-objects/",
  message: "src reaches Durable Objects over RPC; import types only",
  allowTypeImports: true,
};

const OUTSIDE: Pattern = {
  regex: climbingInto(["dev", "bench", "scripts", "examples", "test"]),
  message: "the Worker knows nothing of the folders around it",
};

/** Libraries that live elsewhere than in `home`. */
function foreignLibraries(home: Room | null): Pattern[] {
  const names = Object.keys(LIBRARY_HOME).filter((name) => LIBRARY_HOME[name] !== home);
  return [
    {
      regex: packages(names),
      message: "that library has another home room (scripts/import-table.ts)",
    },
  ];
}

function importRule(
  patterns: readonly Pattern[],
): Record<"no-restricted-imports", ["error", object]> {
  return { "no-restricted-imports": ["error", { patterns: [...FORM, ...patterns] }] };
}

function roomPatterns(room: Room): Pattern[] {
  const typesOnly = TYPES_ONLY[room] ?? [];
  const forbidden = ROOMS.filter((other) => !mayImport(room, other));
  const message = `src/${room} may import only: ${MAY_IMPORT[room].join(", ") || "nothing"}`;
  const patterns: Pattern[] = [
    ...foreignLibraries(room),
    ...ZOD,
    DEVELOPMENT,
    OUTSIDE,
    SRC_ON_OBJECTS,
  ];
  if (forbidden.length > 0) patterns.push({ regex: climbingInto(forbidden), message });
  if (typesOnly.length > 0) {
    patterns.push({
      regex: climbingInto(typesOnly),
      message: `src/${room} may import only types of ${typesOnly.join(", ")}`,
      allowTypeImports: true,
    });
  }
  if (PORTABLE_ROOMS.includes(room)) {
    patterns.push({
      regex: "^(cloudflare|node):",
      message: `src/${room} runs on any platform; take a port instead`,
    });
  }
  return patterns;
}

function objectPatterns(name: string): Pattern[] {
  const allowed = [...OBJECT_COMMON, ...(OBJECT_MAY_IMPORT[name] ?? [])];
  return [
    {
      regex: climbingInto(ROOMS.filter((room) => !allowed.includes(room))),
      message: `durable-objects/${name} may import only: shared, ${allowed.join(", ")}`,
    },
    {
      regex: String.raw`(^|/)\.\./(durable-objects/)?(${OBJECTS.filter((other) => other !== name).join("|")})(/|$)`,
      message:
        "a Durable Object knows no other; share through durable-objects/shared or src/algorithms",
    },
    ...foreignLibraries(null),
    DEVELOPMENT,
    OUTSIDE,
  ];
}

/** Globals that make a function depend on the moment or the machine. */
const AMBIENT = [
  "fetch",
  "crypto",
  "performance",
  "setTimeout",
  "setInterval",
  "caches",
  "process",
  "WebSocket",
];
const AMBIENT_PROPERTIES = [
  { object: "Date", property: "now", message: "take the time as a parameter" },
  { object: "Math", property: "random", message: "take the randomness as a parameter" },
  { object: "globalThis", property: "fetch", message: "only src/upstream sends requests" },
];

const NO_FETCH = {
  "no-restricted-globals": [
    "error",
    { name: "fetch", message: "only src/upstream sends requests" },
  ],
};
const NO_AMBIENT = {
  "no-restricted-globals": [
    "error",
    ...AMBIENT.map((name) => ({ name, message: "take it as a parameter or a port" })),
  ],
  "no-restricted-properties": ["error", ...AMBIENT_PROPERTIES],
};

/** What a room may not take from its surroundings. */
function ambientRules(room: Room): object {
  if (room === "orchestration" || room === "algorithms") return NO_AMBIENT;
  return room === "upstream" ? {} : NO_FETCH;
}

function outsidePatterns(folder: string): Pattern[] {
  const allowed = OUTSIDE_MAY_IMPORT[folder] ?? [];
  // A campaign of the tests is a benchmark too; nothing else of them is.
  const test = allowed.includes("test/simulation") ? "test/([^s]|s[^i]|si[^m]).*" : "test";
  const rooms = ROOMS.filter((room) => !allowed.includes(`src/${room}`));
  const folders = Object.keys(OUTSIDE_MAY_IMPORT).filter(
    (other) => other !== folder && !allowed.includes(other),
  );
  return [
    {
      regex: climbingInto([...rooms, ...folders, "durable-objects", test]),
      message: `${folder} may import only: ${allowed.join(", ") || "packages"}`,
    },
    { regex: String.raw`(^|/)src/index\.ts$`, message: "serve the built bundle, not the sources" },
    ...ZOD,
  ];
}

export default defineConfig({
  plugins: ["typescript", "import", "unicorn", "promise", "vitest", "oxc"],
  categories: { correctness: "error", suspicious: "error" },
  options: { typeAware: true },
  rules: {
    "import/no-cycle": "error",
    "import/no-default-export": "error",
    "typescript/no-explicit-any": "error",
    "typescript/no-non-null-assertion": "error",
    "typescript/no-floating-promises": "error",
    "typescript/no-misused-promises": "error",
    "typescript/switch-exhaustiveness-check": "error",
    "typescript/consistent-type-imports": "error",
    "typescript/ban-ts-comment": "error",
    // The compiler's noImplicitReturns says the same and understands exhaustive switches.
    "typescript/consistent-return": "off",
    // fast-check is used as its documentation shows it: `import fc from "fast-check"`.
    "import/no-named-as-default-member": "off",
    // zod/mini names its default `_default`.
    "no-underscore-dangle": ["error", { allow: ["_default"] }],
    "max-lines": ["error", { max: 300 }],
    "max-lines-per-function": ["error", { max: 70 }],
  },
  overrides: [
    {
      files: ["src/index.ts"],
      rules: {
        "import/no-default-export": "off",
        ...importRule([
          {
            regex: String.raw`(^|/)(${ROOMS.filter((room) => !ENTRY_MAY_IMPORT.includes(room)).join("|")})/`,
            message: `src/index.ts may import only: ${ENTRY_MAY_IMPORT.join(", ")} and the Durable Object classes`,
          },
          ...foreignLibraries(null),
          DEVELOPMENT,
        ]),
      },
    },
    ...ROOMS.map((room) => ({
      files: [`src/${room}/**`],
      rules: { ...importRule(roomPatterns(room)), ...ambientRules(room) },
    })),
    {
      files: ["durable-objects/shared/**"],
      rules: importRule(objectPatterns("shared")),
    },
    ...OBJECTS.map((name) => ({
      files: [`durable-objects/${name}/**`],
      rules: importRule(objectPatterns(name)),
    })),
    ...Object.keys(OUTSIDE_MAY_IMPORT).map((folder) => ({
      files: [`${folder}/**`],
      rules: importRule(outsidePatterns(folder)),
    })),
    {
      files: ["test/**"],
      rules: {
        // A test reads best with its little builders beside it, and a describe block is one long function.
        "max-lines-per-function": "off",
        "unicorn/consistent-function-scoping": "off",
        // What a test reads off the wire it asserts anyway, and its doubles have no `this`.
        "typescript/no-unsafe-type-assertion": "off",
        "typescript/no-base-to-string": "off",
        "typescript/unbound-method": "off",
        // Vitest's second argument says what went wrong; helpers named expect… assert.
        "vitest/valid-expect": ["error", { maxArgs: 2 }],
        "vitest/expect-expect": [
          "error",
          { assertFunctionNames: ["expect", "expect*", "fc.assert"] },
        ],
        ...importRule(ZOD),
      },
    },
    {
      files: ["*.config.ts", "test/*.config.ts", "test/support/**"],
      rules: { "import/no-default-export": "off" },
    },
  ],
});
