/** Lets timers and sockets have their turn. By a timer itself: immediates keep sockets waiting. */
export function otherWork(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
