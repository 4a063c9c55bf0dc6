"use strict";
// A cell's rank: a fraction, a number, or its text; what was not measured comes last.
function rank(text) {
  const fraction = text.match(/^(\d+)\/(\d+)(?=$|\s)/);
  if (fraction) return +fraction[1] / Math.max(1, +fraction[2]);
  const number = text.match(/^[<>=\s]*(-?\d[\d.]*(?:e[-+]?\d+)?)/);
  if (number) return +number[1];
  return text === "-" ? null : text.toLowerCase();
}

function compared(a, b) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

// A row and its trials are one tbody, and move together. Names may begin with the same
// number ("2-layer"): of equal ranks a column of words goes by its text.
function sort(button) {
  const head = button.closest("th"), table = button.closest("table");
  const down = head.getAttribute("aria-sort") === "ascending";
  const column = [...head.parentNode.children].indexOf(head);
  for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const words = head.classList.contains("w");
  const rows = [...table.tBodies].map(body => {
    const text = body.rows[0].cells[column].textContent.trim();
    return [rank(text), words ? text.toLowerCase() : 0, body];
  });
  rows.sort(([a, s], [b, t]) =>
    a === null || b === null ? compared(a, b) : (down ? -1 : 1) * (compared(a, b) || compared(s, t)));
  table.append(...rows.map(([, , body]) => body));
}

function toggle(button) {
  const trials = button.closest("tbody").querySelector(".trials");
  trials.hidden = !trials.hidden;
  button.setAttribute("aria-expanded", String(!trials.hidden));
}

document.addEventListener("click", event => {
  const button = event.target.closest("button");
  if (button?.classList.contains("sort")) sort(button);
  else if (button?.classList.contains("open")) toggle(button);
  else {
    const open = event.target.closest("tr.row")?.querySelector("button.open");
    if (open && !String(getSelection())) toggle(open);
  }
});
