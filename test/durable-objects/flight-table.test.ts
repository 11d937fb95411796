/** Who asks and who waits, whatever they do in whichever order: one leader at a time, and nobody waits for nobody. */

import { array, assert, constantFrom, integer, property, record } from "fast-check";
import { describe, expect, it } from "vitest";

import {
  FlightTable,
  MAX_FLIGHTS,
  MAX_WAITERS,
} from "../../durable-objects/result-cache/flight-table.ts";
import type { FlightAnswer } from "../../src/contract/flight.ts";

const ASKED = { elects: true, timeoutMs: 1000 };

/** The ticket of one who was given one. */
function ticketOf(answer: FlightAnswer): string {
  if (!("ticket" in answer)) throw new Error(answer.kind);
  return answer.ticket;
}

describe("FlightTable", () => {
  it("lets the first lead and gives the others what it brings, the first of them to put it where others find it", async () => {
    const table = new FlightTable();
    expect(table.ask("k", ASKED, "old", 0)).toMatchObject({ kind: "lead", known: "old" });
    const second = table.ask("k", ASKED, null, 400);
    expect(second).toMatchObject({ kind: "wait", leaderMs: 600 });
    const third = table.ask("k", ASKED, null, 400);
    const waits = [table.wait("k", ticketOf(second)), table.wait("k", ticketOf(third))];
    expect(table.land("k", "sealed")).toBe(2);
    expect(await Promise.all(waits)).toEqual([
      { kind: "found", sealed: "sealed", isFirst: true },
      { kind: "found", sealed: "sealed", isFirst: false },
    ]);
    expect(table.size).toBe(0);
  });

  it("tells one who comes to wait when all is over what it missed, once", async () => {
    const table = new FlightTable();
    table.ask("k", ASKED, null, 0);
    const ticket = ticketOf(table.ask("k", ASKED, null, 0));
    table.land("k", "sealed");
    expect(await table.wait("k", ticket)).toMatchObject({ kind: "found" });
    expect(await table.wait("k", ticket)).toEqual({ kind: "alone" });
  });

  it("makes the one who has waited longest lead when the leader leaves", async () => {
    const table = new FlightTable();
    const leader = ticketOf(table.ask("k", ASKED, null, 0));
    const [second, third] = [table.ask("k", ASKED, null, 0), table.ask("k", ASKED, null, 0)];
    const waits = [table.wait("k", ticketOf(second)), table.wait("k", ticketOf(third))];
    table.leave("k", leader, false, 500);
    expect(await waits[0]).toEqual({ kind: "lead", ticket: ticketOf(second), known: null });
    table.leave("k", ticketOf(second), false, 600);
    expect(await waits[1]).toMatchObject({ kind: "lead" });
    table.leave("k", ticketOf(third), false, 700);
    expect(table.size).toBe(0);
  });

  it("lets one who waited take over from a leader whose time is over", () => {
    const table = new FlightTable();
    table.ask("k", ASKED, null, 0);
    const ticket = ticketOf(table.ask("k", ASKED, null, 0));
    expect(table.ask("k", { ...ASKED, ticket }, null, 999)).toMatchObject({ kind: "wait", ticket });
    expect(table.ask("k", { ...ASKED, ticket }, null, 1000)).toMatchObject({
      kind: "lead",
      ticket,
    });
    expect(table.ask("k", { ...ASKED, ticket }, null, 1000)).toMatchObject({
      kind: "lead",
      ticket,
    });
    expect(table.ask("k", ASKED, null, 1999)).toMatchObject({ kind: "wait" });
  });

  it("sends everyone to ask for itself when what the leader got is for nobody else", async () => {
    const table = new FlightTable();
    const leader = ticketOf(table.ask("k", ASKED, null, 0));
    const ticket = ticketOf(table.ask("k", ASKED, null, 0));
    const waiting = table.wait("k", ticket);
    table.leave("k", leader, true, 10);
    expect(await waiting).toEqual({ kind: "alone" });
    expect(table.size).toBe(0);
  });

  it("takes so many waiters and flights, and lets the next ask alone", () => {
    const table = new FlightTable();
    table.ask("k", ASKED, null, 0);
    for (let n = 0; n < MAX_WAITERS; n += 1)
      expect(table.ask("k", ASKED, null, 0).kind).toBe("wait");
    expect(table.ask("k", ASKED, null, 0)).toEqual({ kind: "alone" });
    for (let n = 1; n < MAX_FLIGHTS; n += 1) table.ask(`k${n}`, ASKED, null, 0);
    expect(table.ask("one more", ASKED, null, 0)).toEqual({ kind: "alone" });
    // Those whose leaders never came back make room.
    expect(table.ask("one more", ASKED, null, 1000).kind).toBe("lead");
  });

  it("never has two leaders within one's time, and forgets a flight with its last one", () => {
    const step = record({
      do: constantFrom("ask", "again", "leave", "land"),
      who: integer({ min: 0, max: 5 }),
      afterMs: integer({ min: 0, max: 300 }),
    });
    assert(
      property(array(step, { maxLength: 60 }), (steps) => {
        const table = new FlightTable();
        let nowMs = 0;
        let leader = { ticket: "", endsMs: 0 };
        const tickets: string[] = [];
        for (const { do: what, who, afterMs } of steps) {
          nowMs += afterMs;
          const ticket = tickets[who];
          if (what === "leave" && ticket !== undefined) {
            table.leave("k", ticket, true, nowMs);
            if (leader.ticket === ticket) leader = { ticket: "", endsMs: 0 };
          }
          if (what === "land") {
            table.land("k", "sealed");
            leader = { ticket: "", endsMs: 0 };
          }
          if (what === "leave" || what === "land") continue;
          const again = what === "again" && ticket !== undefined ? { ticket } : {};
          const answer = table.ask("k", { ...ASKED, ...again }, null, nowMs);
          tickets.push(ticketOf(answer));
          const isOpen = nowMs < leader.endsMs && leader.ticket !== again.ticket;
          expect(answer.kind).toBe(isOpen ? "wait" : "lead");
          if (answer.kind === "lead" && leader.ticket !== answer.ticket)
            leader = { ticket: answer.ticket, endsMs: nowMs + 1000 };
        }
        table.land("k", "sealed");
        expect(table.size).toBe(0);
      }),
      { seed: 9, numRuns: 500 },
    );
  });
});
