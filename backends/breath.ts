/** Lets the loop turn in the middle of long work: others are due meanwhile. */
export function breath(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
