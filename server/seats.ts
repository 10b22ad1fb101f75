/** A limit on what runs at a time; the others wait in order. */
export interface Seats {
  /** Calls `seated` at once or when a seat is free; returns how to leave it, or the queue. */
  take(seated: () => void): () => void;
}

/** Seats for `count` at a time. */
export function createSeats(count: number): Seats {
  const waiting = new Set<() => void>();
  let free = count;
  return {
    take(seated) {
      let left = false;
      let sitting = false;
      const sit = () => {
        sitting = true;
        free--;
        seated();
      };
      if (free > 0) sit();
      else waiting.add(sit);
      return () => {
        if (left) return;
        left = true;
        waiting.delete(sit);
        if (!sitting) return;
        free++;
        const [next] = waiting;
        if (!next) return;
        waiting.delete(next);
        next();
      };
    },
  };
}
