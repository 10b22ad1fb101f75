// A dataset of prompts.
//   earshot run --backend echo --data ./examples/countdown_dataset.ts=5
import { z } from "zod";
import { defineDataset } from "../plugins/mod.ts";

export default defineDataset({
  name: "countdown",
  summary: "A prompt for each number, downwards",
  primary: "from",
  options: z.strictObject({
    from: z.int().positive().describe("First number"),
  }),
  open: ({ from }) => ({
    async *sessions({ signal }) {
      for (let i = from; i > 0 && !signal.aborted; i--) {
        yield { id: String(i), turns: [{ columns: { text: String(i) } }] };
      }
    },
  }),
});
