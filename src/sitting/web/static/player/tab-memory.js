// The tab's own memory, which a reload leaves as it is.

export function remember(name, value) {
  try {
    sessionStorage.setItem(`sitting.${name}`, JSON.stringify(value));
  } catch {
    /* a browser that keeps nothing */
  }
}

/** What was remembered under that name, or null. */
export function recall(name) {
  try {
    return JSON.parse(sessionStorage.getItem(`sitting.${name}`));
  } catch {
    return null;
  }
}
