/** Limits how many sessions and requests decode at a time. The others wait in order. */
export interface Seats {
  /** Calls `seated` as soon as a seat is free, at once if one is. Returns how to leave the seat, or the queue. */
  take(seated: () => void): () => void;
}

/** Creates `count` seats. */
export function createSeats(count: number): Seats {
  const waiting = new Set<() => void>();
  let free = count;
  return {
    take(seated) {
      let isSeated = false;
      let hasLeft = false;
      const sit = () => {
        waiting.delete(sit);
        isSeated = true;
        free--;
        seated();
      };
      if (free > 0) sit();
      else waiting.add(sit);
      return () => {
        if (hasLeft) return;
        hasLeft = true;
        waiting.delete(sit);
        if (!isSeated) return;
        free++;
        const [next] = waiting;
        next?.();
      };
    },
  };
}
