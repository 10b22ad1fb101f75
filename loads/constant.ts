import {
  constantArrivals,
  defineLoad,
  type LoadPlugin,
} from "../plugins/mod.ts";
import { type RateOptions, rateOptions, rateProfile } from "./rates.ts";

/** Open loop: requests start at even gaps, whatever the server does; one stage for each rate. */
export const constant: LoadPlugin<RateOptions> = defineLoad({
  name: "constant",
  summary: "Open loop: starts at even gaps, whatever the server does",
  primary: "rates",
  options: rateOptions,
  profile: (options) => rateProfile("constant", options, constantArrivals),
});
