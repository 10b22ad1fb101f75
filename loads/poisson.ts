import {
  defineLoad,
  type LoadPlugin,
  poissonArrivals,
} from "../plugins/mod.ts";
import { type RateOptions, rateOptions, rateProfile } from "./rates.ts";

/** Open loop: requests start independently, at exponentially distributed gaps; one stage for each rate. */
export const poisson: LoadPlugin<RateOptions> = defineLoad({
  name: "poisson",
  summary: "Open loop: independent starts, at exponentially distributed gaps",
  primary: "rates",
  options: rateOptions,
  profile: (options) => rateProfile("poisson", options, poissonArrivals),
});
