//! The page and the picture in headless Chromium: they draw, they answer the keyboard, they fit two widths.

#![allow(missing_docs)]

use std::path::{Path, PathBuf};
use std::process::Command;

use podlapse::scenario::load::{Source, load};
use podlapse::scenario::types::Input;
use podlapse::trace::Record;
use podlapse::{sim, views};

fn run() -> (Input, Vec<Record>) {
    let source = Source {
        name: "views".to_owned(),
        text: include_str!("inputs/views.yaml").to_owned(),
    };
    let (input, _) = load(&[source]).expect("it loads");
    let records = sim::run(&input);
    (input, records)
}

fn page() -> String {
    let (input, records) = run();
    views::html::render(&records, &input)
}

/// A folder of the test's own, with the file in it.
fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("a file in a folder of ours");
    path
}

fn chromium(folder: &Path, arguments: &[&str], address: &str) -> Vec<u8> {
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
        .args(["--virtual-time-budget=2000", "--host-resolver-rules=MAP * ~NOTFOUND"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .args(arguments)
        .arg(address)
        .output()
        .expect("chromium is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The page as it is after its script and `script` have run.
fn dom(script: &str, arguments: &[&str], fragment: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let text = page().replace("</body>", &format!("<script>{script}</script></body>"));
    let path = file(folder.path(), "page.html", &text);
    let mut all = vec!["--dump-dom"];
    all.extend(arguments);
    let dom = chromium(folder.path(), &all, &format!("file://{}{fragment}", path.display()));
    String::from_utf8(dom).expect("a page is UTF-8")
}

/// Width and height of a PNG.
fn size(png: &[u8]) -> (u32, u32) {
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().expect("four bytes"));
    (number(16), number(20))
}

#[test]
fn the_page_draws_every_lane() {
    let dom = dom("", &["--window-size=1280,900"], "");
    for part in [
        "data-drawn=\"",
        "aria-label=\"web app readiness\"",
        "aria-label=\"web app liveness\"",
        "aria-label=\"#1 running, 12.164s to 20.01s\"",
        "aria-label=\"back-off 10s",
        "aria-label=\"pulling app:1",
    ] {
        assert!(dom.contains(part), "the page lacks {part}");
    }
}

#[test]
fn a_bar_tells_its_causes_and_the_status_then() {
    let dom = dom("", &["--window-size=1280,900"], "#%231%20running");
    let (_, detail) = dom.split_once("id=\"detail\"").expect("the detail");
    let (detail, _) = detail.split_once("</aside>").expect("its end");
    for part in [
        "#1 running",
        "container app#0 exited by itself with code 3 (Error)",
        "pod web was created",
        "containerStatuses:",
        "reason: ContainersNotReady",
    ] {
        assert!(detail.contains(part), "the detail lacks {part}:\n{detail}");
    }
}

#[test]
fn the_keyboard_moves_and_zooms() {
    let script = "
        const press = (key) => document.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
        const shown = () => document.querySelector('#detail h2')?.textContent;
        const seen = [];
        for (const key of ['ArrowDown', 'ArrowRight', 'ArrowDown', 'ArrowDown']) { press(key); seen.push(shown()); }
        const before = document.getElementById('range').textContent;
        press('+'); press('+');
        seen.push(before !== document.getElementById('range').textContent ? 'zoomed' : 'not zoomed');
        press('0');
        seen.push(before === document.getElementById('range').textContent ? 'whole again' : 'not whole');
        document.body.dataset.seen = seen.join('|');";
    let dom = dom(script, &["--window-size=1280,900"], "");
    let (_, seen) = dom.split_once("data-seen=\"").expect("the script ran to its end");
    let (seen, _) = seen.split_once('"').expect("the end of the attribute");
    let seen: Vec<&str> = seen.split('|').collect();
    let expected = [
        "ready",
        "ready",
        "exit 0 Completed",
        "pulling app:1",
        "zoomed",
        "whole again",
    ];
    assert_eq!(seen, expected);
}

#[test]
fn the_page_fits_two_widths() {
    for (width, height) in [(1280, 900), (600, 1100)] {
        let size_argument = format!("--window-size={width},{height}");
        let script = "document.body.dataset.width = document.documentElement.scrollWidth;";
        let dom = dom(script, &[&size_argument], "");
        let (_, seen) = dom.split_once("data-width=\"").expect("the script ran to its end");
        let (seen, _) = seen.split_once('"').expect("the end of the attribute");
        assert!(
            seen.parse::<u32>().expect("a width") <= width,
            "the page is {seen} wide at {width}"
        );
        let folder = tempfile::tempdir().expect("a folder");
        let path = file(folder.path(), "page.html", &page());
        let picture = folder.path().join("page.png");
        let argument = format!("--screenshot={}", picture.display());
        chromium(
            folder.path(),
            &[&size_argument, &argument],
            &format!("file://{}", path.display()),
        );
        let png = std::fs::read(&picture).expect("a screenshot");
        assert_eq!(size(&png), (width, height));
        assert!(png.len() > 20_000, "there is hardly anything in the picture");
    }
}

#[test]
fn the_picture_renders() {
    let (input, records) = run();
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path(), "run.svg", &views::svg::render(&records, &input));
    let picture = folder.path().join("run.png");
    let argument = format!("--screenshot={}", picture.display());
    chromium(
        folder.path(),
        &["--window-size=1200,400", &argument],
        &format!("file://{}", path.display()),
    );
    let png = std::fs::read(&picture).expect("a screenshot");
    assert_eq!(size(&png), (1200, 400));
    assert!(png.len() > 10_000, "there is hardly anything in the picture");
}
