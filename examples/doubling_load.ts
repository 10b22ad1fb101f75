// A load that finds the rate at which a server misses its SLOs.
//   earshot run --load ./examples/doubling_load.ts=1 --duration 10s --max-error-rate 1%
import { z } from "zod";
import { defineLoad, poissonArrivals } from "../plugins/mod.ts";

export default defineLoad({
  name: "doubling",
  summary: "Open loop: doubles the rate until a stage misses an SLO",
  primary: "from",
  options: z.strictObject({
    from: z.number().positive().describe(
      "Requests a second in the first stage",
    ),
    stages: z.int().positive().default(10).describe("Maximum number of stages"),
  }),
  profile: ({ from, stages }) =>
    function* (stream) {
      for (let i = 0; i < stages; i++) {
        const ratePerSecond = from * 2 ** i;
        const report = yield {
          name: `poisson ${ratePerSecond}/s`,
          load: { kind: "doubling", ratePerSecond },
          arrivals: poissonArrivals(ratePerSecond, stream(`arrivals/${i}`)),
          maxInFlight: 1000,
        };
        if (report.slo?.some(({ pass }) => !pass)) return;
      }
    },
});
