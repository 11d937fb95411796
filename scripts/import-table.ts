/**
 * The dependency rule of the project, once: which room may import which, and which library has which home.
 * `oxlint.config.ts` turns it into lint rules, `src/README.md` shows it, and `npm run check:planted` proves that the
 * rules bite and that the page shows this very table.
 */

/** Which room of `src` may import which. Anything not listed is a lint error. */
export const MAY_IMPORT = {
  edge: [
    "assembly",
    "tenancy",
    "regions",
    "orchestration",
    "tools",
    "telemetry",
    "contract",
    "platform",
  ],
  assembly: [
    "tenancy",
    "regions",
    "orchestration",
    "tools",
    "resilience",
    "upstream",
    "telemetry",
    "contract",
    "platform",
    "algorithms",
  ],
  library: [
    "orchestration",
    "tools",
    "resilience",
    "upstream",
    "contract",
    "platform",
    "algorithms",
  ],
  tenancy: ["regions", "telemetry", "contract", "platform", "algorithms"],
  regions: ["telemetry", "contract", "platform", "algorithms"],
  orchestration: ["telemetry", "contract", "platform", "algorithms"],
  tools: ["resilience", "upstream", "telemetry", "contract", "platform", "algorithms"],
  resilience: ["telemetry", "contract", "platform", "algorithms"],
  upstream: ["telemetry", "contract", "platform"],
  telemetry: ["contract", "platform"],
  algorithms: ["platform"],
  contract: ["platform"],
  platform: [],
} as const satisfies Record<string, readonly string[]>;

/** A room of `src`. */
export type Room = keyof typeof MAY_IMPORT;

/** Every room of `src`, in the order a request meets them. */
export const ROOMS: readonly Room[] = Object.keys(MAY_IMPORT).filter(isRoom);

function isRoom(name: string): name is Room {
  return Object.hasOwn(MAY_IMPORT, name);
}

/** Rooms of which only types may be imported, by the room that imports: the run's code is reached through assembly. */
export const TYPES_ONLY: Partial<Record<Room, readonly Room[]>> = { contract: ["platform"] };

/** What the Worker's entry may import from `src`; it also re-exports the Durable Object classes, alone. */
export const ENTRY_MAY_IMPORT: readonly Room[] = ["edge", "regions", "assembly"];

/** What each Durable Object may import from `src` besides `algorithms`, `contract` and `platform`. */
export const OBJECT_MAY_IMPORT: Record<string, readonly Room[]> = {
  "key-directory": [],
  tenant: [],
  "tenant-gate": [],
  "run-journal": ["assembly"],
  "tool-shard": ["assembly"],
  "kept-result": [],
  "result-cache": [],
  conversation: [],
};

/** What every Durable Object may import from `src`. */
export const OBJECT_COMMON: readonly Room[] = ["algorithms", "contract", "platform"];

/** Each third-party library has one home room, so replacing it touches one room. */
export const LIBRARY_HOME: Record<string, Room> = {
  hono: "edge",
  "@modelcontextprotocol/client": "upstream",
  "@modelcontextprotocol/server": "edge",
  "@cfworker/json-schema": "tools",
  "js-yaml": "tools",
  acorn: "orchestration",
  zod: "contract",
};

/** Rooms that run in plain Node and in workerd alike: nothing of either platform may be imported there. */
export const PORTABLE_ROOMS: readonly Room[] = [
  "library",
  "orchestration",
  "resilience",
  "algorithms",
  "contract",
  "platform",
];

/** What the folders outside the Worker may import, as path patterns from the repository's root. */
export const OUTSIDE_MAY_IMPORT: Record<string, readonly string[]> = {
  dev: ["src/contract", "src/platform", "src/algorithms"],
  // The run core, the parsers of `src/upstream`, the layers of `src/resilience` and the cache of `src/tools` are measured as
  // they are, without a gateway around them.
  bench: [
    "dev",
    "src/contract",
    "src/platform",
    "src/algorithms",
    "src/orchestration",
    "src/upstream",
    "src/resilience",
    "src/tools",
    "src/tenancy",
    "src/library",
    "test/simulation",
  ],
  scripts: ["bench", "dev", "src/contract", "src/platform"],
  examples: [],
};

/** True when `room` may import `other`; a room may always import itself. */
export function mayImport(room: Room, other: Room): boolean {
  const allowed: readonly Room[] = MAY_IMPORT[room];
  return room === other || allowed.includes(other);
}

/** The table as `src/README.md` shows it: one Markdown row a room. */
export function importTableMarkdown(): string {
  const rows = ROOMS.map((room) => {
    const libraries = Object.keys(LIBRARY_HOME).filter((name) => LIBRARY_HOME[name] === room);
    return `| ${room} | ${MAY_IMPORT[room].join(", ") || "nothing"} | ${libraries.join(", ") || "-"} |`;
  });
  const objects = Object.entries(OBJECT_MAY_IMPORT).map(
    ([name, rooms]) =>
      `| durable-objects/${name} | shared, ${[...OBJECT_COMMON, ...rooms].join(", ")} | - |`,
  );
  return [
    "| folder | may import | libraries at home here |",
    "| --- | --- | --- |",
    ...rows,
    ...objects,
  ].join("\n");
}
