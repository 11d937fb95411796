/**
 * One kind of a run's calls: those that are ready and those under way. Most calls take a slot of a lane and a place of
 * the isolate, at most so many at once. Inside calls (chains) only wait for other calls of the run, so they take neither:
 * were they to hold slots, their steps could wait for them for ever. The caps of a tool hold in both.
 */

import type { CallOutcome, CallProgress } from "../../contract/run.ts";
import type { CallShare, Clock, Lane, LanePool, SchedulePorts } from "../ports.ts";
import type { Entry } from "./entry.ts";
import { type Flight, type FlightBounds, InFlight } from "./in-flight.ts";
import { INSIDE_GRACE_MS, STOP_GRACE_MS } from "./outcomes.ts";
import { Places } from "./places.ts";
import { byOrder, byStanding, ReadyQueue } from "./ready-queue.ts";
import type { InsideCalls, Scheduler } from "./scheduler.ts";

/** The calls of one kind. */
export interface Track {
  readonly ready: ReadyQueue<Entry>;
  readonly flights: InFlight<Entry>;
  readonly places: Places;
  /** Calls under way at once. */
  readonly most: number;
}

/** What both kinds need. */
export interface TrackOptions {
  readonly clock: Clock;
  readonly deadlineAtMs: number;
  readonly isSequential: boolean;
  readonly ended: (entry: Entry, outcome: CallOutcome, flight: Flight) => void;
  readonly progressed: (entry: Entry, progress: CallProgress) => void;
  /** A slot or a place came free. */
  readonly freed: () => void;
}

/** True while a call of the track is ready or under way. */
export function isBusy({ ready, flights }: Track): boolean {
  return ready.size > 0 || flights.size > 0;
}

/** A call that was about to run or did is not in flight any more. */
export function leave({ ready, places }: Pick<Track, "ready" | "places">, entry: Entry): void {
  ready.giveBack(entry);
  places.give();
}

/** Calls that take slots of the run's lanes, at most `most` at once. */
export function slotTrack(
  { lanes, share }: Pick<SchedulePorts, "lanes" | "share">,
  most: number,
  options: TrackOptions & Pick<FlightBounds, "keepsLate">,
): Track {
  const places = share?.(options.deadlineAtMs + STOP_GRACE_MS);
  return track(lanes, places, most, { graceMs: STOP_GRACE_MS, ...options });
}

/** Calls that take none. An aborted one has a little longer than its own calls, so that it can say what became of them. */
export function insideTrack(
  inside: InsideCalls | undefined,
  scheduler: Scheduler,
  options: TrackOptions,
): Track {
  const lane: Lane = {
    slots: Infinity,
    run: (call, timeoutMs, signal) =>
      inside === undefined
        ? Promise.reject(new Error("No call of this run is made inside."))
        : inside.run(call, scheduler, timeoutMs, signal),
  };
  const pool: LanePool = { lanes: () => [lane], close: () => undefined };
  return track(pool, undefined, Infinity, { graceMs: INSIDE_GRACE_MS, ...options });
}

function track(
  pool: LanePool,
  share: CallShare | undefined,
  most: number,
  options: TrackOptions & FlightBounds,
): Track {
  const { clock, isSequential, ended, progressed, freed } = options;
  const ready = new ReadyQueue<Entry>(isSequential ? byOrder : byStanding);
  const places = new Places(share, freed);
  const flights = new InFlight<Entry>(clock, pool, options, {
    ended,
    progressed,
    left: (entry) => leave({ ready, places }, entry),
    slotFreed: freed,
    isWanted: () => ready.size > 0,
  });
  return { ready, flights, places, most };
}
