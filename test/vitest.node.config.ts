/**
 * Runs in plain Node: the black-box conformance tests (unmodified clients against the built gateway), and the pure cores
 * again, to prove that they need no Worker. The gateway is built and started only when a conformance test is run.
 */

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: ".",
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Most of these wait for servers and timers, so more of them fit on a machine than it has processors.
    maxWorkers: 3,
    projects: [
      {
        extends: true,
        test: {
          name: "conformance",
          include: ["test/conformance/**/*.test.ts"],
          globalSetup: ["test/support/servers.ts", "test/support/gateway.ts"],
        },
      },
      {
        extends: true,
        test: {
          name: "node",
          include: [
            "test/node/**/*.test.ts",
            "test/orchestration/**/*.test.ts",
            "test/library/**/*.test.ts",
            "test/algorithms/**/*.test.ts",
            "test/platform/**/*.test.ts",
            "test/simulation/**/*.test.ts",
          ],
          globalSetup: ["test/support/servers.ts"],
        },
      },
    ],
  },
});
