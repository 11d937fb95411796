/** The memory of processes, as the system tells it. */

import { readFileSync } from "node:fs";

const PAGE_BYTES = 4096;

/** Resident size of these processes together, MiB; null where the system does not tell it. */
export function residentMib(processIds: readonly number[]): number | null {
  try {
    const pages = processIds.map((id) =>
      Number(readFileSync(`/proc/${id}/statm`, "utf8").split(" ")[1]),
    );
    return (pages.reduce((sum, count) => sum + count, 0) * PAGE_BYTES) / 1024 ** 2;
  } catch {
    return null;
  }
}
