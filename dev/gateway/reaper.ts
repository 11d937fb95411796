/**
 * Ends the runtime when this process dies without a chance to do so itself (SIGKILL, out of memory).
 *
 * A shell waits on a pipe that only this process holds; when the pipe closes, it kills the runtime's process ids. A
 * normal end disarms it first. Where children cannot be listed (no /proc, no ps) nothing is armed.
 */

import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { Socket } from "node:net";

/** Process ids of this process's children. */
export function childProcesses(): readonly number[] {
  try {
    return numbers(readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8"));
  } catch {
    return listWithPs();
  }
}

function listWithPs(): readonly number[] {
  try {
    const rows = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" }).split("\n");
    const pairs = rows.map((row) => numbers(row));
    return pairs.flatMap(([pid = 0, parent = 0]) => (parent === process.pid ? [pid] : []));
  } catch {
    return [];
  }
}

/** Arms the reaper for these processes; the answer disarms it. */
export function armReaper(processIds: readonly number[]): () => void {
  if (processIds.length === 0 || process.platform === "win32") return () => undefined;
  const watcher = spawn(
    "/bin/sh",
    ["-c", `read line; kill -9 ${processIds.join(" ")} 2>/dev/null`],
    {
      stdio: ["pipe", "ignore", "ignore"],
      // Its own group: a signal from the terminal must not end the watcher before this process.
      detached: true,
    },
  );
  watcher.on("error", () => undefined);
  watcher.unref();
  // The pipe must not keep this process alive; it closes when the process ends.
  if (watcher.stdin instanceof Socket) watcher.stdin.unref();
  return () => {
    watcher.kill("SIGKILL");
  };
}

function numbers(text: string): number[] {
  return (text.match(/\d+/g) ?? []).map(Number);
}
