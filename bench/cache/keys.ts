/**
 * The campaign of cache keys: tenants that look alike ask for the same things of the same tools, through the real layers
 * of one isolate over one store. Every result says whose it is, and for what it was asked; one that is found by anybody
 * else, or for anything else, is counted.
 */

import { Doorkeeper } from "../../src/algorithms/doorkeeper.ts";
import { ToolDefinition, type Tool } from "../../src/contract/tool.ts";
import type { Json, JsonObject } from "../../src/platform/canonical-json.ts";
import type { CacheEntry } from "../../src/tools/cache/cache-entry.ts";
import {
  resultKey,
  tenantScope,
  type ResultInputs,
  type ResultKey,
} from "../../src/tools/cache/cache-key.ts";
import { ElectionRule } from "../../src/tools/cache/election-rule.ts";
import { GenerationViews } from "../../src/tools/cache/generations.ts";
import { IsolateCache } from "../../src/tools/cache/isolate-cache.ts";
import type { IsolateMemory, ResultCache } from "../../src/tools/cache/result-cache.ts";
import { createResultCache } from "../../src/tools/cache/tenant-results.ts";
import { seededRandom } from "../statistics.ts";

/** What the campaign counted. */
export interface KeyTally {
  readonly cases: number;
  /** Results found, by whoever may have them: without any the campaign would show nothing. */
  readonly hits: number;
  /** Results found by another tenant than the one they were kept for. */
  readonly crossTenant: number;
  /** Results found for another question than the one they were kept for. */
  readonly crossQuestion: number;
}

/** Names that run into each other when they are joined carelessly. */
const TENANTS = [
  "a",
  "b",
  "ab",
  "a:b",
  "a:",
  ":a",
  "a/b",
  "r1",
  "r1:a",
  "ten_1",
  "ten_10",
  "ten_1:x",
  "ä",
  "a\u0308",
];
const TOOLS = ["a", "b", "a.b", "a:b", "weather", "weather2"];
const TEXTS = ["", "a", "b", "ab", ":", "1", "null", '"', "a\u0000", "constructor"];
const LOCALES = ["en", "fr", ""];
const SECRETS = ["", "1", "2"];

/** Bytes of the isolate's memory: small, so that entries leave and come back from the store. */
const MEMORY_BYTES = 64 * 1024;
const STORE_ENTRIES = 5_000;
const FOREVER = 8.64e15;

/** Cases of one round: it draws its questions anew and begins with an empty cache. */
const ROUND = 10_000;

/** Questions of one round; few enough that most are asked again. */
const QUESTIONS = 200;

/** Runs `cases` cases from a seed. `keyOf` is what is tried; the real one unless a faulty one is planted. */
export async function campaignOfKeys(
  cases: number,
  seed: number,
  keyOf: typeof resultKey = resultKey,
): Promise<KeyTally> {
  const random = seededRandom(seed);
  const tally = { cases, hits: 0, crossTenant: 0, crossQuestion: 0 };
  for (let done = 0; done < cases; done += ROUND) {
    const round = await playRound(Math.min(ROUND, cases - done), random, keyOf);
    tally.hits += round.hits;
    tally.crossTenant += round.crossTenant;
    tally.crossQuestion += round.crossQuestion;
  }
  return tally;
}

type Dice = () => number;

async function playRound(
  cases: number,
  random: Dice,
  keyOf: typeof resultKey,
): Promise<Omit<KeyTally, "cases">> {
  const tally = { hits: 0, crossTenant: 0, crossQuestion: 0 };
  const shared = freshShared();
  const caches = new Map(TENANTS.map((tenant) => [tenant, cacheOf(tenant, shared)]));
  const questions: Question[] = [];
  while (questions.length < QUESTIONS) questions.push(questionOf(random, questions));
  for (let n = 0; n < cases; n += 1) {
    const tenantId = pick(TENANTS, random);
    const question = pick(questions, random);
    const scope = tenantScope({ tenantId });
    const cache = caches.get(tenantId);
    if (scope === null || cache === undefined) throw new Error("a tenant without a scope");
    const key = await keyOf(scope, question.tool, question.inputs);
    const place = { key, tool: question.tool.name };
    const found = await cache.find(place, NEVER);
    if (found === null || typeof found === "string") {
      cache.keep(place, entryOf({ tenantId, question: question.text }), null);
      continue;
    }
    tally.hits += 1;
    const { kept } = found.entry;
    const text = "outputJson" in kept ? kept.outputJson : "";
    if (!text.startsWith(ownStart(tenantId))) tally.crossTenant += 1;
    if (!text.endsWith(ownEnd(question.text))) tally.crossQuestion += 1;
  }
  return tally;
}

interface Question {
  readonly tool: Tool;
  readonly inputs: ResultInputs;
  /** The same for the same question alone. */
  readonly text: string;
}

/** A new question, or one that differs from an earlier one in a single thing. */
function questionOf(random: Dice, earlier: readonly Question[]): Question {
  const like = earlier.length > 0 && random() < 0.5 ? pick(earlier, random) : null;
  const fresh = {
    tool: toolOf(pick(TOOLS, random), random),
    arguments: argumentsOf(random),
    locale: pick(LOCALES, random),
    credentials: { [pick(TEXTS, random)]: pick(SECRETS, random) },
    generation: `${Math.floor(random() * 2)}.${Math.floor(random() * 2)}`,
  };
  const changed = pick(
    ["tool", "arguments", "locale", "credentials", "generation"] as const,
    random,
  );
  const whole =
    like === null ? fresh : { tool: like.tool, ...like.inputs, [changed]: fresh[changed] };
  const { tool, ...inputs } = whole;
  return { tool, inputs, text: JSON.stringify([tool, sorted(inputs)]) };
}

function pick<T>(list: readonly T[], random: Dice): T {
  const [one] = list.slice(Math.floor(random() * list.length));
  if (one === undefined) throw new Error("nothing to pick from");
  return one;
}

const NEVER = new AbortController().signal;

/** One isolate and one store for all tenants. */
interface Shared {
  readonly memory: IsolateMemory;
  readonly stored: Map<ResultKey, string>;
}

function freshShared(): Shared {
  const memory = {
    results: new IsolateCache(MEMORY_BYTES),
    seen: new Doorkeeper(16_384),
    elections: new ElectionRule(),
    generations: new GenerationViews(),
  };
  return { memory, stored: new Map() };
}

function cacheOf(tenantId: string, { memory, stored }: Shared): ResultCache {
  return createResultCache({
    tenantId,
    memory,
    isolateMs: FOREVER,
    store: {
      layer: "kv",
      read: (key) => Promise.resolve(stored.get(key) ?? null),
      write: (key, sealed) => {
        if (stored.size >= STORE_ENTRIES) stored.clear();
        stored.set(key, sealed);
        return Promise.resolve();
      },
    },
    flights: {
      ask: () => Promise.resolve({ kind: "alone" }),
      wait: () => Promise.resolve({ kind: "alone" }),
      leave: () => Promise.resolve(),
      post: () => Promise.resolve(0),
    },
    generations: {
      read: () => Promise.resolve({ count: 0, scopes: {} }),
      advance: () => Promise.resolve({ count: 0, scopes: {} }),
    },
    // Without a seal: were two keys the same, nothing else would keep their results apart.
    sealer: { seal: (_, text) => Promise.resolve(text), open: (_, text) => Promise.resolve(text) },
    now: () => 0,
    random: () => 0,
    defer: () => undefined,
  });
}

function entryOf({ tenantId, question }: { tenantId: string; question: string }): CacheEntry {
  const until = { expiresAtMs: FOREVER, staleUntilMs: FOREVER, keptUntilMs: FOREVER };
  const outputJson = ownStart(tenantId) + ownEnd(question);
  return { kept: { outputJson }, ...until, costMs: 1, validators: {} };
}

function ownStart(tenantId: string): string {
  return `[${JSON.stringify(tenantId)},`;
}

function ownEnd(question: string): string {
  return `${JSON.stringify(question)}]`;
}

function toolOf(name: string, random: Dice): Tool {
  const definition = ToolDefinition.parse({
    description: "A tool",
    input: { type: "object" },
    effect: "read",
    http: { method: random() < 0.5 ? "GET" : "POST", url: "https://api.example.com/x" },
    cache: { ttl_s: random() < 0.5 ? 60 : 61 },
  });
  return { name, version: random() < 0.5 ? 1 : 2, definition };
}

function argumentsOf(random: Dice): JsonObject {
  const members = Array.from({ length: Math.floor(random() * 3) }, () => {
    const text = pick(TEXTS, random);
    const value: Json = random() < 0.5 ? text : random() < 0.5 ? { [text]: 1 } : [text];
    return [pick(TEXTS, random), value] as const;
  });
  return Object.fromEntries(members);
}

/** The same for the same inputs, whatever order their members came in. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => [name, sorted(member)]);
}
