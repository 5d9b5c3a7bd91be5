"""A page to mark the answers to a question, one at a time, by the keyboard alone.

It needs no server: what is entered is kept by the browser, and saved as a table that
belongs beside `points.csv`. Students can be hidden, so that nobody knows whose answer
it is.
"""

import json
from collections.abc import Mapping
from typing import Any

from course.grade.reports.class_page import script_policy
from course.grade.reports.html import escape, page
from course.grade.text import cell, printable
from ece662.exercises import Exercise

__all__ = ["marking_page", "name_of_page"]

STYLE = """
body { max-width: 70rem; }
#answer { min-height: 12rem; font-size: 1.1rem; border-left: 4px solid #0b5394; }
.row { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center;
       margin: .6rem 0; }
button { font: inherit; padding: .3rem .8rem; border: 1px solid #595959;
         background: #fff; color: #222; border-radius: 4px; cursor: pointer; }
button[aria-pressed=true] { background: #0b5394; color: #fff; }
:focus-visible { outline: 3px solid #0b5394; outline-offset: 2px; }
label { font-weight: 600; display: block; }
textarea, input[type=text] { font: inherit; width: 100%; border: 1px solid #595959;
         padding: .4rem; box-sizing: border-box; }
progress { width: 16rem; height: 1rem; }
kbd { border: 1px solid #595959; border-radius: 3px; padding: 0 .3rem; }
#reusable li { margin: .3rem 0; }
"""
KEYS = """
<p><kbd>0</kbd> to <kbd>9</kbd> points, <kbd>.</kbd> half a point more or less,
<kbd>Enter</kbd> or <kbd>n</kbd> next, <kbd>p</kbd> back, <kbd>u</kbd> next without
points, <kbd>c</kbd> comment (<kbd>Esc</kbd> leaves it), <kbd>Alt</kbd>+<kbd>1</kbd> to
<kbd>9</kbd> a comment again, <kbd>a</kbd> names, <kbd>s</kbd> save</p>
"""
BODY = """
<div class="row"><progress id="done" aria-label="marked"></progress>
<span id="status" role="status"></span></div>
<h2 id="student"></h2>
<pre id="answer" tabindex="0" aria-label="the answer"></pre>
<div class="row" role="group" aria-label="points" id="points"></div>
<label for="comment">Comment</label><textarea id="comment" rows="3"></textarea>
<div class="row">
<button type="button" id="back">Back</button>
<button type="button" id="next">Next</button>
<button type="button" id="unmarked">Next without points</button>
<button type="button" id="names" aria-pressed="false">Names</button>
<button type="button" id="save">Save the table</button></div>
<h2>Comments to use again</h2>
<ol id="reusable"></ol>
<button type="button" id="keep">Keep this comment for others</button>
"""
SCRIPT = """
const data = JSON.parse(document.getElementById('data').textContent);
const store = 'ece662 ' + data.question + ' ' + data.run;
const get = id => document.getElementById(id);
let held = {marks: {}, comments: [], names: false, at: 0};
try { Object.assign(held, JSON.parse(localStorage.getItem(store) || '{}')); }
catch (error) { /* a browser that keeps nothing: the table has to be saved */ }
let unsaved = false;
const markOf = a => held.marks[a.record] || {points: a.points, comment: a.comment};
function remember() {
  try { localStorage.setItem(store, JSON.stringify(held)); } catch (error) { }
}
function enter(change) {
  const a = data.answers[held.at];
  held.marks[a.record] = Object.assign({}, markOf(a), change);
  unsaved = true;
  remember();
}
function show() {
  held.at = Math.max(0, Math.min(held.at, data.answers.length - 1));
  const a = data.answers[held.at], mark = markOf(a);
  const done = data.answers.filter(b => markOf(b).points !== null).length;
  get('student').textContent = held.names ? a.shown : 'Answer ' + (held.at + 1);
  get('answer').textContent = a.answer;
  get('comment').value = mark.comment;
  get('done').max = data.answers.length;
  get('done').value = done;
  const this_one = mark.points === null ? '' : ', this one ' + mark.points;
  get('status').textContent = 'Answer ' + (held.at + 1) + ' of ' + data.answers.length
    + ', ' + done + ' marked' + this_one
    + (a.changed ? '. It has changed since it was marked' : '');
  get('names').setAttribute('aria-pressed', held.names);
  for (const button of get('points').children)
    button.setAttribute('aria-pressed', Number(button.dataset.points) === mark.points);
  const list = get('reusable');
  list.textContent = '';
  held.comments.slice(0, 9).forEach((text, i) => {
    const item = document.createElement('li');
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = text;
    button.addEventListener('click', () => again(i));
    item.append(button);
    list.append(item);
  });
}
function go(step) { held.at += step; remember(); show(); scrollTo(0, 0); }
function give(points) {
  if (points < 0 || points > data.of) return;
  enter({points});
  show();
}
function again(i) {
  const text = held.comments[i];
  if (text === undefined) return;
  const now = get('comment').value;
  enter({comment: now ? now + '\\n' + text : text});
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
function save() {
  const rows = [['student', 'question', 'points', 'of', 'comment', 'record']];
  for (const a of data.answers) {
    const mark = markOf(a);
    if (mark.points === null && !mark.comment) continue;
    rows.push([a.student, data.question, mark.points === null ? '' : mark.points,
               data.of, safe(mark.comment), a.record]);
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
get('comment').addEventListener('input', () => enter({comment: get('comment').value}));
get('back').addEventListener('click', () => go(-1));
get('next').addEventListener('click', () => go(1));
get('unmarked').addEventListener('click', unmarked);
get('save').addEventListener('click', save);
get('names').addEventListener('click', () => {
  held.names = !held.names;
  remember();
  show();
});
get('keep').addEventListener('click', () => {
  const text = get('comment').value.trim();
  if (text && !held.comments.includes(text)) held.comments.push(text);
  remember();
  show();
});
document.addEventListener('keydown', event => {
  const typing = event.target === get('comment');
  if (event.altKey && /^Digit[1-9]$/.test(event.code)) {
    again(Number(event.code.slice(5)) - 1);
  } else if (event.key === 'Escape' && typing) {
    get('comment').blur();
  } else if (typing || event.ctrlKey || event.metaKey || event.altKey) {
    return;
  } else if (/^[0-9]$/.test(event.key)) {
    give(Number(event.key));
  } else if (event.key === '.' || event.key === ',') {
    const points = markOf(data.answers[held.at]).points || 0;
    give(points % 1 ? Math.floor(points) : points + 0.5);
  } else if (event.key === 'n' || event.key === 'ArrowRight'
             || (event.key === 'Enter' && event.target.tagName !== 'BUTTON')) {
    go(1);
  } else if (event.key === 'p' || event.key === 'ArrowLeft') {
    go(-1);
  } else if (event.key === 'u') {
    unmarked();
  } else if (event.key === 'c') {
    get('comment').focus();
  } else if (event.key === 'a') {
    get('names').click();
  } else if (event.key === 's') {
    save();
  } else {
    return;
  }
  event.preventDefault();
});
addEventListener('beforeunload', event => { if (unsaved) event.preventDefault(); });
show();
"""


def name_of_page(question: Exercise) -> str:
    """Return the name of the page for a question."""
    return f"mark-{question.id}.html"


def marking_page(question: Exercise, answers: list[Mapping[str, Any]], run: str) -> str:
    """Return the page.

    Args:
        question: the question.
        answers: with student, record, answer, points, comment and changed.
        run: tells this run from others, so that a browser keeps them apart.
    """
    held = {
        "question": question.id,
        "of": question.points,
        "run": run,
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
