/**
 * `npm run bench -- wire`: every recorded answer of a model provider, cut at random byte boundaries ten thousand times, with
 * either line end, must be read as the very same events as in one piece. The recordings lie beside the repository.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import type { Bench, BenchOptions } from "./bench.ts";
import { row, type BenchRow } from "./report.ts";
import { seededRandom } from "./statistics.ts";
import { readRecording, recordingBytes } from "./wire-recording.ts";

const ROUNDS = 10_000;
const LARGEST_CHUNK = 4_000;
/** Long streams are not cut into single bytes each time; the tests do that once. */
const MOST_CHUNKS = 2_000;
const DATA = resolve(import.meta.dirname, "../../shared/data/wire-fixtures");

/** One recording. */
export interface Recording {
  /** `folder/file`. */
  readonly path: string;
  readonly text: string;
}

/** What a campaign saw. */
export interface Campaign {
  readonly rounds: number;
  readonly chunks: number;
  readonly bytes: number;
  /** `path: round` of every stream that was read as something else. */
  readonly faults: readonly string[];
}

/** Reads recordings in turn, each cut at random, and compares with the reading in one piece. */
export function campaign(
  recordings: readonly Recording[],
  rounds: number,
  random: () => number,
  read: typeof readRecording = readRecording,
): Campaign {
  const prepared = recordings.map(({ path, text }) => {
    const bytes = recordingBytes(path, text);
    return { path, bytes, wanted: JSON.stringify(readRecording(path, [bytes])) };
  });
  const faults: string[] = [];
  let chunks = 0;
  let total = 0;
  for (let round = 0; round < rounds; round += 1) {
    const one = prepared[round % prepared.length];
    if (one === undefined) break;
    const bytes = random() < 0.5 ? one.bytes : withCarriageReturns(one.path, one.bytes);
    const pieces = cutAtRandom(bytes, random);
    chunks += pieces.length;
    total += bytes.length;
    if (JSON.stringify(read(one.path, pieces)) !== one.wanted) faults.push(`${one.path}: ${round}`);
  }
  return { rounds, chunks, bytes: total, faults };
}

/** Chunks of 1 to some random most bytes, so that short and long ones both come often. */
function cutAtRandom(bytes: Uint8Array, random: () => number): readonly Uint8Array[] {
  const least = Math.ceil(bytes.length / MOST_CHUNKS);
  const most = least + Math.floor(LARGEST_CHUNK ** random());
  const pieces: Uint8Array[] = [];
  for (let from = 0; from < bytes.length;) {
    const to = from + 1 + Math.floor(random() * most);
    pieces.push(bytes.subarray(from, to));
    from = to;
  }
  return pieces;
}

/** A stream with CR LF where it had LF; a whole answer as it is. */
function withCarriageReturns(path: string, bytes: Uint8Array): Uint8Array {
  if (path.endsWith(".json")) return bytes;
  return Buffer.from(Buffer.from(bytes).toString("utf8").replaceAll("\n", "\r\n"));
}

function readRecordings(): readonly Recording[] {
  if (!existsSync(DATA)) throw new Error(`there are no recordings in ${DATA}`);
  return readdirSync(DATA, { withFileTypes: true })
    .filter((folder) => folder.isDirectory())
    .flatMap(({ name }) =>
      readdirSync(join(DATA, name)).map((file) => ({
        path: `${name}/${file}`,
        text: readFileSync(join(DATA, name, file), "utf8"),
      })),
    );
}

function run({ smoke, seed }: BenchOptions): Promise<readonly BenchRow[]> {
  const recordings = readRecordings();
  const folders = new Set(recordings.map(({ path }) => path.split("/")[0]));
  const rounds = smoke ? ROUNDS / 100 : ROUNDS;
  const startedAt = performance.now();
  const { faults, chunks, bytes } = campaign(recordings, rounds, seededRandom(seed));
  const seconds = (performance.now() - startedAt) / 1000;
  for (const fault of faults.slice(0, 20)) console.error(fault);
  const subject = `${rounds} recorded answers of ${folders.size} protocols, cut at random bytes`;
  return Promise.resolve([
    row(
      subject,
      "answers read as other events than in one piece",
      faults.length,
      "answers",
      "== 0",
    ),
    row(subject, "recordings", recordings.length, "recordings", ">= 30"),
    row(subject, "chunks", chunks, "chunks"),
    row(subject, "read by one core", bytes / seconds / 1e6, "MB/s"),
  ]);
}

/** The benchmark that is really a campaign: the network may cut a stream anywhere. */
export const wire: Bench = { name: "wire", seed: 20_261_123, run };
