/**
 * The seeded world of the comparison: how long things take and what tools answer, the same for every contestant because
 * both depend only on what was asked and how often. Time to first token 0.6 s, 60 tokens a second, tools lognormal with median 0.5 s and
 * sigma 0.8, all divided by one scale; ratios stay what they are.
 */

import { createHash } from "node:crypto";

/** What is waited for, in seconds of the world that is played. */
export const WORLD = {
  firstTokenS: 0.6,
  tokensPerSecond: 60,
  toolMedianS: 0.5,
  toolSigma: 0.8,
  charactersPerToken: 4,
} as const;

/** JSON with sorted members, so that equal values have equal texts. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(",")}}`;
}

/** A number in (0, 1) that depends on the text alone. */
function uniform(text: string): number {
  const bits = createHash("sha256").update(text).digest().readUIntBE(0, 6);
  return (bits + 0.5) / 2 ** 48;
}

/**
 * How long one request takes, in played seconds: each further `request` for the same draws anew. Lognormal by Box and
 * Muller's transform of two hashed uniforms.
 */
export function toolSeconds(
  seed: string,
  tool: string,
  argumentsText: string,
  request = 0,
): number {
  const again = request === 0 ? "" : `|${request}`;
  const key = `${seed}|${tool}|${argumentsText}${again}`;
  const normal =
    Math.sqrt(-2 * Math.log(uniform(`a|${key}`))) * Math.cos(2 * Math.PI * uniform(`b|${key}`));
  return WORLD.toolMedianS * Math.exp(WORLD.toolSigma * normal);
}

/** What a tool answers: each of its members a text that depends on tool and arguments alone. */
export function toolAnswer(
  tool: string,
  argumentsText: string,
  outputs: readonly string[],
): Record<string, string> {
  const digest = (name: string): string =>
    createHash("sha256").update(`${tool}|${argumentsText}|${name}`).digest("hex").slice(0, 12);
  return Object.fromEntries(outputs.map((name) => [name, `${name}-${digest(name)}`]));
}
