/**
 * Runs in plain Node: the black-box conformance tests (unmodified clients against the built gateway), and the pure cores
 * again, to prove that they need no Worker.
 */

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: ".",
    include: [
      "test/conformance/**/*.test.ts",
      "test/node/**/*.test.ts",
      "test/orchestration/**/*.test.ts",
      "test/algorithms/**/*.test.ts",
      "test/platform/**/*.test.ts",
    ],
    globalSetup: ["test/support/servers.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
