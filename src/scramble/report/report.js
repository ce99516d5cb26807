"use strict";

/* Tables of the class "sortable": a button in every header of a column. By turns it sorts up, sorts down, and brings
   back the order of the grid. A cell sorts by its data-value, which may be empty, or else by its text. */

const ORDERS = {none: "ascending", ascending: "descending", descending: "none"};
const words = new Intl.Collator("en", {numeric: true});

function key(row, column) {
  const cell = row.cells[column];
  const value = cell.dataset.value;
  return value === undefined ? cell.textContent.trim() : value === "" ? null : Number(value);
}

/* Numbers before words; what has no value comes last, whichever way is sorted. */
function compare(one, other, direction) {
  if (one === null || other === null) return (one === null) - (other === null);
  if (typeof one !== typeof other) return typeof one === "number" ? -1 : 1;
  return direction * (typeof one === "number" ? one - other : words.compare(one, other));
}

function sort(table, original, column, order) {
  const direction = order === "ascending" ? 1 : -1;
  const rows = original.map((row) => ({row, value: key(row, column)}));
  if (order !== "none") rows.sort((one, other) => compare(one.value, other.value, direction));
  table.tBodies[0].append(...rows.map(({row}) => row));
  table.classList.toggle("sorted", order !== "none");
}

function makeSortable(table) {
  const original = [...table.tBodies[0].rows];
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    header.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const order = ORDERS[header.getAttribute("aria-sort")];
      headers.forEach((each) => each.setAttribute("aria-sort", each === header ? order : "none"));
      sort(table, original, column, order);
    });
  });
}

document.querySelectorAll("table.sortable").forEach(makeSortable);

/* What is folded is printed, too, but for long lists, and is folded again afterwards. */
const folded = new Set();
addEventListener("beforeprint", () => {
  document.querySelectorAll("details:not([open], .long)").forEach((details) => {
    folded.add(details);
    details.open = true;
  });
});
addEventListener("afterprint", () => {
  folded.forEach((details) => { details.open = false; });
  folded.clear();
});
