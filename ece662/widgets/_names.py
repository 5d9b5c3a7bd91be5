"""Names for what a dashboard shows, as assistive technology needs them (WCAG 2.2).

ipywidgets gives a slider's handle no name, a logarithmic one announces its exponent,
and pictures and the buttons of `Play` have no text. None of that can be set from
Python. So each dashboard holds one more widget, which shows nothing: a page of
JavaScript that reads the labels beside the dials and writes them where a screen reader
looks, again whenever something changes. Without anywidget a dashboard works unnamed.
"""

from collections.abc import Sequence

import ipywidgets as widgets

__all__ = ["BOX", "Names", "make_names"]

BOX = "ece662-dashboard"  # the class of the box in which things are named

SCRIPT = """
const BUTTONS = {
    'fa-play': 'Play', 'fa-pause': 'Pause', 'fa-stop': 'Stop', 'fa-retweet': 'Repeat'
}

function set(element, name, value) {
    if (element && value && element.getAttribute(name) !== value)
        element.setAttribute(name, value)
}

function nameSlider(slider) {
    const label = slider.querySelector('.widget-label')?.textContent.trim()
    const readout = slider.querySelector('.widget-readout')
    for (const handle of slider.querySelectorAll('.noUi-handle')) {
        set(handle, 'aria-label', label)
        set(handle, 'aria-valuetext', readout?.textContent.trim())
    }
    set(readout, 'role', 'textbox')
    set(readout, 'aria-label', label && `${label}, typed`)
}

function nameAll(root, model) {
    set(root, 'role', 'group')
    set(root, 'aria-label', model.get('title'))
    const texts = model.get('texts')
    root.querySelectorAll('img.widget-image').forEach(
        (picture, i) => set(picture, 'alt', texts[i] ?? model.get('title'))
    )
    root.querySelectorAll('.widget-slider').forEach(nameSlider)
    for (const button of root.querySelectorAll('button')) {
        const icon = button.querySelector('i')?.classList ?? []
        const name = Object.keys(BUTTONS).find(kind => icon.contains?.(kind))
        if (!button.textContent.trim()) set(button, 'aria-label', BUTTONS[name])
    }
    for (const input of root.querySelectorAll('input[type=file]'))
        set(input, 'aria-label', 'A picture of yours')
}

export default {
    render({ model, el }) {
        el.style.display = 'none'
        let watch = null, waits = 0
        function begin() {
            const root = el.closest('.ece662-dashboard')
            if (!root) {
                // It is put into the page after this call.
                waits = requestAnimationFrame(begin)
                return
            }
            const again = () => nameAll(root, model)
            watch = new MutationObserver(again)
            watch.observe(root, {
                subtree: true, childList: true, characterData: true,
                attributes: true, attributeFilter: ['aria-valuenow', 'class']
            })
            model.on('change:texts', again)
            again()
        }
        begin()
        return () => { cancelAnimationFrame(waits); watch?.disconnect() }
    }
}
"""

# Both ends of a range can be read, and nothing slides for who has asked the system for
# less motion.
STYLE = """
.ece662-dashboard .widget-slider .widget-readout {
    flex: none;
    max-width: none;
    width: max-content;
}
@media (prefers-reduced-motion: reduce) {
    .ece662-dashboard, .ece662-dashboard * {
        animation: none !important;
        transition: none !important;
    }
}
"""


class Names:
    """Stands in where anywidget is not installed: nothing is named."""

    widget: widgets.Widget | None = None

    def say(self, texts: Sequence[str]) -> None:
        """Be told what the pictures show."""


class _LiveNames(Names):
    """Names everything in the box that holds its widget."""

    def __init__(self, title: str):
        """Make the widget, which has to be put into the box."""
        import anywidget
        import traitlets

        class NamesWidget(anywidget.AnyWidget):
            _esm, _css = SCRIPT, STYLE
            title = traitlets.Unicode("").tag(sync=True)
            texts = traitlets.List(traitlets.Unicode()).tag(sync=True)

        self.widget = NamesWidget(title=title)

    def say(self, texts: Sequence[str]) -> None:
        """Give each picture its text, in their order."""
        self.widget.texts = list(texts)


def make_names(title: str) -> Names:
    """Return what names the parts of a dashboard.

    Args:
        title: of the dashboard, the name of the whole.
    """
    try:
        return _LiveNames(title)
    except ImportError:
        return Names()
