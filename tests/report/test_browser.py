"""The report in a real browser: no errors, charts drawn, nothing wider than the screen, at a desk, on a phone, in the dark, on paper."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.report.factory import make
from undertow.report.html import write_report

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM.exists() and DRIVER.exists()), reason="no chromium and chromedriver in /usr/bin"),
]
HOSTILE = "<b onclick=alert(1)>X</b><script>document.title='owned'</script>"


@pytest.fixture(scope="module")
def browser() -> Iterator:
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> str:
    result, _ = make(symbols=("AAPL", HOSTILE, "TSLA"), sessions=22, per_day=13)
    return write_report(result, tmp_path_factory.mktemp("report") / "report.html", trials=3).as_uri()


def show(browser, url: str, width: int, *, dark: bool = False) -> None:
    phone = width < 600
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": phone})
    still = {"name": "prefers-reduced-motion", "value": "reduce"}  # a click meets nothing while the page still glides
    colours = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [colours, still]})
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(url)


def drawn(browser) -> dict[str, int]:
    """Marks in each chart that is not folded away and that lie within the page's width, by the chart's name."""
    return browser.execute_script("""
      const out = {};
      for (const chart of document.querySelectorAll(".chart")) {
        if (chart.closest("details:not([open])")) continue;
        const marks = [...chart.querySelectorAll(".scatterlayer path, .waterfalllayer path, .barlayer path")];
        const seen = (box) => box.width > 3 && box.right <= innerWidth + 1;
        out[chart.id] = marks.filter((mark) => seen(mark.getBoundingClientRect())).length;
      }
      return out;""")


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, False), (1280, True)], ids=["desk", "phone", "dark"])
def test_it_opens_clean_and_shows_charts(browser, report: str, width: int, dark: bool) -> None:
    show(browser, report, width, dark=dark)
    marks = drawn(browser)
    assert set(marks) == {"chart-equity", "chart-waterfall", "chart-reliability", "chart-price-0"}
    assert min(marks.values()) >= 3, marks
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.get_log("browser") == []
    asked = [entry["message"] for entry in browser.get_log("performance") if '"Network.requestWillBeSent"' in entry["message"]]
    assert asked
    assert not [message for message in asked if '"url":"http' in message]
    assert browser.title.startswith("SIMULATED")
    background = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (sum(int(c) for c in background[4:-1].split(",")) < 200) == dark


def test_tooltips_answer_to_touch_and_keys(browser, report: str) -> None:
    show(browser, report, 390)
    state = "const t = document.getElementById('tip'); return t.hidden ? '' : t.textContent"
    assert browser.execute_script(state) == ""
    term = browser.find_element("css selector", ".card .term[aria-describedby=g-sharpe]")
    term.click()
    assert "standard deviation" in browser.execute_script(state)
    box = browser.execute_script("return document.getElementById('tip').getBoundingClientRect().toJSON()")
    assert box["left"] >= 0
    assert box["right"] <= 390
    term.send_keys("\ue00c")  # Escape
    assert browser.execute_script(state) == ""


def test_nothing_overlaps_or_is_cut_off_on_a_phone(browser, report: str) -> None:
    show(browser, report, 390)
    wide = browser.execute_script("""
      const scrolls = (e) => e.closest(".scroll, nav, svg, details:not([open])");
      return [...document.querySelectorAll("main *")].filter((e) => !scrolls(e) && e.getBoundingClientRect().right > innerWidth + 1)
        .map((e) => e.outerHTML.slice(0, 80));""")
    assert wide == []
    chips = browser.execute_script("return [...document.querySelectorAll('.badges li')].map((e) => e.getBoundingClientRect().toJSON())")
    assert len(chips) == 2
    assert chips[0]["bottom"] <= chips[1]["top"] + 1 or chips[0]["right"] <= chips[1]["left"] + 1


def test_a_folded_chart_is_drawn_when_it_opens_and_on_paper(browser, report: str) -> None:
    show(browser, report, 1280)
    lines = "return document.querySelectorAll('#chart-price-{} .scatterlayer path.js-line').length"
    assert [browser.execute_script(lines.format(i)) for i in range(3)] == [1, 0, 0]
    browser.execute_script("document.querySelectorAll('.fold summary')[1].click()")
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 10).until(lambda it: it.execute_script(lines.format(1)) == 1)
    assert drawn(browser)["chart-price-1"] >= 3
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert [browser.execute_script(lines.format(i)) for i in range(3)] == [1, 1, 1]
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    folds = "return [...document.querySelectorAll('.fold')].map((f) => f.open)"
    assert browser.execute_script(folds) == [True, True, False], "what was folded before is folded again"


def test_charts_follow_the_theme_and_paper(browser, report: str) -> None:
    show(browser, report, 1280)
    line = "return getComputedStyle(document.querySelector('#chart-equity .scatterlayer path.js-line')).stroke"
    light = browser.execute_script(line)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
    # the browser tells the page of the theme after it has answered
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 10).until(lambda it: it.execute_script(line) != light)
    dark = browser.execute_script(line)
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert browser.execute_script(line) == light
    assert browser.execute_script("return [...document.querySelectorAll('details')].every((d) => d.open)")
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    assert browser.execute_script(line) == dark
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert len(browser.print_page()) > 50_000
