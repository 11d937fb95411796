/** The campaign of random cuts sees a reader that breaks at a cut. */

import { expect, it } from "vitest";

import { seededRandom } from "../../bench/statistics.ts";
import { readRecording } from "../../bench/wire-recording.ts";
import { campaign } from "../../bench/wire.ts";

const TEXT = [
  '{"choices":[{"index":0,"delta":{"content":"grüße 😀"}}]}',
  '{"choices":[{"index":0,"delta":{"content":" bis bald"},"finish_reason":"stop"}]}',
].join("\n");
const RECORDINGS = [{ path: "chat-completions/greeting.chunks.txt", text: TEXT }];

it("finds nothing wrong with the parsers, and everything with one that forgets half a chunk", () => {
  const sound = campaign(RECORDINGS, 300, seededRandom(1));
  expect(sound).toMatchObject({ rounds: 300, faults: [] });
  expect(sound.chunks).toBeGreaterThan(300 * 3);
  const forgetful = campaign(RECORDINGS, 300, seededRandom(1), (path, chunks) =>
    readRecording(path, chunks.length > 1 ? chunks.slice(1) : chunks),
  );
  // Half the cuts leave so short a stream whole.
  expect(forgetful.faults.length).toBeGreaterThan(100);
});
