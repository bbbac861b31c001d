/** This machine's clock, once a second, for "2 s ago". */
class Clock {
  now = $state(Date.now());

  run(): () => void {
    const timer = setInterval(() => (this.now = Date.now()), 1000);
    return () => clearInterval(timer);
  }
}

export const ticking = new Clock();
