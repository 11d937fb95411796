/** How a `RunJournal` reaches into a run it executes; the word of the run core, handed on. */

export type { RunControl } from "../orchestration/run-control.ts";
