/** Installs Portkey's open-source gateway from a lock file of its own, apart from the root so that nobody else installs it. */

import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const MANIFESTS = fileURLToPath(new URL("../../scripts/conformance/portkey/", import.meta.url));
/** Where it is installed: ignored by git, and by the checks that read `scripts`. */
const FOLDER = fileURLToPath(new URL("../../.bench/portkey/", import.meta.url));
const PACKAGE = `${FOLDER}node_modules/@portkey-ai/gateway/`;

/** True when it has been installed. */
export function hasPortkey(): boolean {
  return existsSync(PACKAGE);
}

/** Installs it where it is missing; the folder of the package. */
export function installPortkey(): string {
  // Without install scripts: the package patches its own dependencies for its build, not for its start.
  if (!hasPortkey()) {
    mkdirSync(FOLDER, { recursive: true });
    for (const file of ["package.json", "package-lock.json"])
      copyFileSync(MANIFESTS + file, FOLDER + file);
    execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: FOLDER,
      stdio: "inherit",
    });
  }
  return PACKAGE;
}
