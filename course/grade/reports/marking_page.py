"""A page to mark the answers to a question, one at a time, by the keyboard alone.

It needs no server: what is entered is kept by the browser, and saved as a table that
belongs beside `points.csv`. Items of a rubric are put on and off by a letter, and add
up to the points; their words make the comment. Students can be hidden, so that nobody
knows whose answer it is.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from course.grade.reports.class_page import script_policy
from course.grade.reports.html import escape, page
from course.grade.reports.rubric import Item
from course.grade.text import cell, printable
from ece662.exercises import Exercise

__all__ = ["marking_page", "name_of_page"]

STYLE = """
body { max-width: 80rem; }
.work { display: grid; gap: 1rem 2rem; }
@media (min-width: 56rem) {
  .work { grid-template-columns: 3fr 2fr; align-items: start; }
  .marks { position: sticky; top: .5rem; } /* beside a long answer, too */
}
.marks .row { margin-top: 0; } .marks h2 { margin: .6rem 0; }
#answer { margin: 0; min-height: 12rem; font-size: 1.1rem;
          border-left: 4px solid var(--accent); }
.row { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center;
       margin: .6rem 0; }
button { font: inherit; padding: .3rem .8rem; border: 1px solid var(--edge);
         background: var(--paper); color: var(--ink); border-radius: 4px;
         cursor: pointer; }
button[aria-pressed=true] { background: var(--accent); color: var(--paper); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
label { font-weight: 600; display: block; }
textarea, input[type=text] { font: inherit; width: 100%; border: 1px solid var(--edge);
         padding: .4rem; box-sizing: border-box;
         background: var(--paper); color: var(--ink); }
progress { width: 16rem; height: 1rem; }
kbd { border: 1px solid var(--edge); border-radius: 3px; padding: 0 .3rem; }
#rubric { list-style: none; padding: 0; }
#rubric li { margin: .3rem 0; }
#rubric button { text-align: left; }
"""
KEYS = """
<p><kbd>0</kbd> to <kbd>9</kbd> points, <kbd>.</kbd> half a point more or less, an
item's letter puts it on or off, <kbd>m</kbd> makes a new item, <kbd>Enter</kbd> or
<kbd>n</kbd> next, <kbd>p</kbd> back, <kbd>u</kbd> next without points, <kbd>c</kbd>
comment (<kbd>Esc</kbd> leaves it, <kbd>Ctrl</kbd>+<kbd>Enter</kbd> goes on),
<kbd>a</kbd> names, <kbd>s</kbd> save</p>
"""
BODY = """
<div class="row"><progress id="done" aria-label="marked"></progress>
<span id="status" role="status"></span></div>
<h2 id="student"></h2>
<div class="work">
<pre id="answer" tabindex="0" role="region" aria-label="the answer"></pre>
<div class="marks">
<div class="row" role="group" aria-label="points" id="points"></div>
<h2 id="items">Rubric</h2>
<ul id="rubric" aria-labelledby="items"></ul>
<label for="item">New item, such as: 0.5 names the product</label>
<input type="text" id="item" autocomplete="off">
<label for="comment">Comment</label><textarea id="comment" rows="3"></textarea>
</div></div>
<div class="row">
<button type="button" id="back">Back</button>
<button type="button" id="next">Next</button>
<button type="button" id="unmarked">Next without points</button>
<button type="button" id="names" aria-pressed="false">Names</button>
<button type="button" id="save">Save the table</button></div>
"""
SCRIPT = """
const data = JSON.parse(document.getElementById('data').textContent);
const store = 'ece662 ' + data.question + ' ' + data.run;
const get = id => document.getElementById(id);
// On the same keys of keyboards everywhere, and none of those with another meaning.
const LETTERS = 'dfghjklertoi';
let held = {marks: {}, items: [], names: false, at: 0};
try { Object.assign(held, JSON.parse(localStorage.getItem(store) || '{}')); }
catch (error) { /* a browser that keeps nothing: the table has to be saved */ }
let unsaved = false;
const rubric = data.items.slice();
// As an earlier version of this page has kept them.
for (const text of held.comments || []) add({points: null, text});
for (const mark of Object.values(held.marks))
  if (!mark.on) Object.assign(mark, {on: [], own: mark.comment || ''});
for (const item of held.items) add(item);

function add(item) {
  const place = rubric.findIndex(i => i.text === item.text && i.points === item.points);
  return place < 0 ? rubric.push(item) - 1 : place;
}
const line = item => item.points === null ? item.text : item.points + ' ' + item.text;
const words = item =>
  item.points === null ? item.text : item.text + ' (' + item.points + ')';
const joined = (all, part) =>
  !all || !part ? all || part : all + (/[.?!]$/.test(all) ? ' ' : '. ') + part;
const whole = mark => mark.on.map(words).concat([mark.own]).reduce(joined, '');
// What was saved: the items stand at the beginning of the comment.
function given(a) {
  const on = a.rubric.map(text => rubric.find(item => line(item) === text))
    .filter(item => item);
  const beginning = whole({on, own: ''});
  const own = a.comment.slice(beginning.length).replace(/^[.]? /, '');
  const fits = whole({on, own}) === a.comment;
  return {points: a.points, own: fits ? own : a.comment, on: fits ? on : []};
}
const markOf = a => held.marks[a.record] || given(a);
const isOn = (mark, item) => mark.on.some(other => line(other) === line(item));
function remember() {
  try { localStorage.setItem(store, JSON.stringify(held)); } catch (error) { }
}
function enter(change) {
  const a = data.answers[held.at];
  held.marks[a.record] = Object.assign({}, markOf(a), change);
  unsaved = true;
  remember();
}
// Items add up, from nothing or, where they only take away, from all there is.
function sum(on) {
  const counted = on.filter(item => item.points !== null);
  if (!counted.length) return null;
  const start = rubric.some(item => item.points > 0) ? 0 : data.of;
  const total = counted.reduce((so_far, item) => so_far + item.points, start);
  return Math.max(0, Math.min(data.of, Math.round(total * 1000) / 1000));
}
function toggle(place) {
  const item = rubric[place], mark = markOf(data.answers[held.at]);
  if (!item) return;
  const on = isOn(mark, item) ? mark.on.filter(other => line(other) !== line(item))
                              : mark.on.concat([item]);
  enter(item.points === null ? {on} : {on, points: sum(on)});
  show();
}
function show() {
  held.at = Math.max(0, Math.min(held.at, data.answers.length - 1));
  const a = data.answers[held.at], mark = markOf(a);
  const done = data.answers.filter(b => markOf(b).points !== null).length;
  get('student').textContent = held.names ? a.shown : 'Answer ' + (held.at + 1);
  get('answer').textContent = a.answer;
  get('comment').value = mark.own;
  get('done').max = data.answers.length;
  get('done').value = done;
  const this_one = mark.points === null ? '' : ', this one ' + mark.points;
  get('status').textContent = 'Answer ' + (held.at + 1) + ' of ' + data.answers.length
    + ', ' + done + ' marked' + this_one
    + (a.changed ? '. It has changed since it was marked' : '');
  get('names').setAttribute('aria-pressed', held.names);
  for (const button of get('points').children)
    button.setAttribute('aria-pressed', Number(button.dataset.points) === mark.points);
  const list = get('rubric');
  while (list.children.length < rubric.length) list.append(row(list.children.length));
  rubric.forEach((item, place) => list.children[place].firstChild
    .setAttribute('aria-pressed', isOn(mark, item)));
}
function row(place) {
  const element = document.createElement('li');
  const button = document.createElement('button');
  button.type = 'button';
  if (LETTERS[place]) {
    const key = document.createElement('kbd');
    key.textContent = LETTERS[place];
    button.append(key, ' ');
    button.setAttribute('aria-keyshortcuts', LETTERS[place]);
  }
  button.append(words(rubric[place]));
  button.addEventListener('click', () => toggle(place));
  element.append(button);
  return element;
}
function make() {
  const text = get('item').value.trim().replace(/\\s+/g, ' ').replace(/\\|/g, '/');
  const found = /^([+-]?\\d{1,3}(?:[.,]\\d+)?)(?::\\s*|\\s+)(.+)$/.exec(text);
  get('item').value = '';
  get('item').blur();
  if (!text) return;
  const points = found ? Number(found[1].replace(',', '.')) : null;
  const item = {points, text: found ? found[2] : text};
  const place = add(item);
  if (!held.items.some(other => line(other) === line(item))) held.items.push(item);
  if (!isOn(markOf(data.answers[held.at]), item)) toggle(place);
}
function go(step) { held.at += step; remember(); show(); scrollTo(0, 0); }
function give(points) {
  if (points < 0 || points > data.of) return;
  enter({points});
  show();
}
function unmarked() {
  const n = data.answers.length;
  for (let step = 1; step <= n; step++) {
    const place = (held.at + step) % n;
    if (markOf(data.answers[place]).points === null) { go(place - held.at); return; }
  }
  get('status').textContent = 'All answers have points.';
}
const quoted = text => '"' + String(text).replace(/"/g, '""') + '"';
const safe = text => /^\\s*[=+@\\-\\uff1d\\uff0b\\uff0d\\uff20]/.test(text)
  ? "'" + text : text;
// What was saved before and is nothing now has to be said: an empty cell says nothing.
const pointsOf = (a, mark) =>
  mark.points !== null ? mark.points : a.points === null ? '' : 'open';
const commentOf = (a, mark) =>
  whole(mark) ? safe(whole(mark)) : a.comment ? 'no comment' : '';
function save() {
  const rows = [['student', 'question', 'points', 'of', 'comment', 'rubric', 'record']];
  for (const a of data.answers) {
    const mark = markOf(a), points = pointsOf(a, mark), comment = commentOf(a, mark);
    if (points === '' && !comment) continue;
    rows.push([a.student, data.question, points, data.of, comment,
               safe(mark.on.map(line).join(' | ')), a.record]);
  }
  const text = '\\ufeff' + rows.map(row => row.map(quoted).join(',')).join('\\r\\n');
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text + '\\r\\n'], {type: 'text/csv'}));
  link.download = 'points-' + data.question + '.csv';
  link.click();
  unsaved = false;
  get('status').textContent = (rows.length - 1) + ' rows saved: put the table into the '
    + 'folder answers, and say grade ... --resume.';
}
for (let points = 0; points <= data.of; points += 0.5) {
  const button = document.createElement('button');
  button.type = 'button';
  button.dataset.points = points;
  button.textContent = points;
  button.addEventListener('click', () => give(points));
  get('points').append(button);
}
get('comment').addEventListener('input', () => enter({own: get('comment').value}));
get('back').addEventListener('click', () => go(-1));
get('next').addEventListener('click', () => go(1));
get('unmarked').addEventListener('click', unmarked);
get('save').addEventListener('click', save);
get('names').addEventListener('click', () => {
  held.names = !held.names;
  remember();
  show();
});
function typed(event) {
  if (event.key === 'Escape') {
    event.target.blur();
  } else if (event.key === 'Enter' && event.target === get('item')) {
    make();
  } else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
    event.target.blur();
    go(1);
  } else {
    return false;
  }
  return true;
}
function pressed(event) {
  const key = event.key;
  if (/^[0-9]$/.test(key)) {
    give(Number(key));
  } else if (key === '.' || key === ',') {
    const points = markOf(data.answers[held.at]).points || 0;
    give(points % 1 ? Math.floor(points) : points + 0.5);
  } else if (key === 'n' || key === 'ArrowRight'
             || (key === 'Enter' && event.target.tagName !== 'BUTTON')) {
    go(1);
  } else if (key === 'p' || key === 'ArrowLeft') {
    go(-1);
  } else if (key.length === 1 && LETTERS.includes(key)) {
    toggle(LETTERS.indexOf(key));
  } else if (key === 'u') {
    unmarked();
  } else if (key === 'c' || key === 'm') {
    get(key === 'c' ? 'comment' : 'item').focus();
  } else if (key === 'a') {
    get('names').click();
  } else if (key === 's') {
    save();
  } else {
    return false;
  }
  return true;
}
document.addEventListener('keydown', event => {
  const isTyping = event.target === get('comment') || event.target === get('item');
  const isChord = event.ctrlKey || event.metaKey || event.altKey;
  if (isTyping ? typed(event) : !isChord && pressed(event)) event.preventDefault();
});
addEventListener('beforeunload', event => { if (unsaved) event.preventDefault(); });
show();
"""


def name_of_page(question: Exercise) -> str:
    """Return the name of the page for a question."""
    return f"mark-{question.id}.html"


def marking_page(
    question: Exercise,
    answers: Iterable[Mapping[str, Any]],
    rubric: Iterable[Item],
    run: str,
) -> str:
    """Return the page.

    Args:
        question: the question.
        answers: with student, record, answer, points, comment, rubric and changed.
        rubric: the items to mark by.
        run: tells this run from others, so that a browser keeps them apart.
    """
    held = {
        "question": question.id,
        "of": question.points,
        "run": run,
        "items": [item._asdict() for item in rubric],
        "answers": [
            {
                **answer,
                "student": cell(answer["student"]),
                "shown": printable(answer["student"]),
                "answer": printable(answer["answer"]),
            }
            for answer in answers
        ],
    }
    # No letter of it ends the element that it stands in.
    text = json.dumps(held).replace("<", "\\u003c").replace(">", "\\u003e")
    body = [
        f"<style>{STYLE}</style>",
        f'<p><a href="{escape(question.id)}.html">All answers below each other</a>, '
        f"{escape(question.notebook)}, up to {question.points:g} points</p>",
        KEYS,
        BODY,
        f'<script type="application/json" id="data">{text}</script>',
        f"<script>{SCRIPT}</script>",
    ]
    return page(f"Mark {question.id}", body, script_policy(SCRIPT))
