/**
 * `npm run bench -- cache`: what the cache of tool results saves and what it never mixes up: identical calls at once over
 * five instances of the built gateway, the isolate's memory beside an offline GDSF, where answers come from under Zipf(1.0),
 * and a campaign of keys.
 */

import type { Bench, BenchOptions } from "./bench.ts";
import { ISOLATES, openIsolates, type LiveLayers } from "./cache/isolates.ts";
import { campaignOfKeys } from "./cache/keys.ts";
import { zipfHits } from "./cache/zipf.ts";
import { row, type BenchRow } from "./report.ts";

const SEED = 20_261_123;

/** Calls of one burst. */
const BURST = 100;

/** Bursts with and without their leader. */
const ROUNDS = 10;

/** The benchmark. */
export const cache: Bench = { name: "cache", seed: SEED, run };

async function run({ smoke, seed }: BenchOptions): Promise<readonly BenchRow[]> {
  const rows = [...rowsOfMemory(smoke, seed), ...(await rowsOfKeys(smoke, seed))];
  const scene = await openIsolates();
  try {
    const bursts: number[] = [];
    const without: number[] = [];
    for (let round = 0; round < (smoke ? 1 : ROUNDS); round += 1) {
      bursts.push(await scene.burst(BURST));
      without.push(await scene.burstWithoutLeader(BURST));
    }
    const subject = `${BURST} identical calls at once, ${ISOLATES} instances`;
    rows.push(row(subject, "origin calls, most of a burst", Math.max(...bursts), "calls", "<= 1"));
    const killed = `${subject}, the leader's client killed midway`;
    rows.push(row(killed, "origin calls, most of a burst", Math.max(...without), "calls", "<= 2"));
    const calls = smoke ? 100 : 10_000;
    rows.push(...rowsOfLayers(calls, await scene.live(smoke ? 50 : 1_000, calls, seed)));
    return rows;
  } finally {
    await scene.close();
  }
}

function rowsOfMemory(smoke: boolean, seed: number): readonly BenchRow[] {
  const [results, requests] = smoke ? [2_000, 20_000] : [20_000, 1_000_000];
  return [0.01, 0.05, 0.2].flatMap((room) => {
    const { ours, offline } = zipfHits({ results, requests, room, seed });
    const subject = `Zipf(1.0) over ${results} results, room for ${room * 100} % of their bytes`;
    const points = 100 * (offline - ours);
    return [
      row(subject, "hit ratio, isolate memory", 100 * ours, "%"),
      row(subject, "hit ratio, offline GDSF", 100 * offline, "%"),
      row(subject, "below offline GDSF", points, "points", "<= 5"),
    ];
  });
}

async function rowsOfKeys(smoke: boolean, seed: number): Promise<readonly BenchRow[]> {
  const tally = await campaignOfKeys(smoke ? 10_000 : 1_000_000, seed);
  const subject = `${tally.cases} cases of keys, ${tally.hits} hits`;
  return [
    row(subject, "hits across tenants", tally.crossTenant, "hits", "== 0"),
    row(subject, "hits across questions", tally.crossQuestion, "hits", "== 0"),
  ];
}

function rowsOfLayers(calls: number, layers: LiveLayers): readonly BenchRow[] {
  const subject = `Zipf(1.0), ${calls} calls over ${ISOLATES} instances`;
  const share = (count: number): number => (100 * count) / calls;
  const { isolate, kv, object, flight, tool } = layers;
  return [
    row(subject, "answered by the isolate", share(isolate), "%"),
    row(subject, "answered by KV", share(kv), "%"),
    row(subject, "answered by an object", share(object), "%"),
    row(subject, "answered by another call in flight", share(flight), "%"),
    row(subject, "answered by the tool", share(tool), "%"),
    // All that a location's own cache could answer in place of KV.
    row(subject, "reads of KV", share(kv + object + flight + tool), "% of calls"),
  ];
}
