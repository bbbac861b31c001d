/** How the person at this page calls themselves; kept for this tab, until it is closed. */
const KEY = 'bifocal-name';

class Who {
  #name = $state(sessionStorage.getItem(KEY) ?? '');

  get name(): string {
    return this.#name;
  }

  set name(name: string) {
    this.#name = name;
    sessionStorage.setItem(KEY, name);
  }
}

export const who = new Who();
