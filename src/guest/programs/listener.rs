//! `nc -l`: what stands on its standard input goes to who connects, what comes is printed.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Context, Options, servers};
use crate::guest::limits;
use crate::guest::network::{Answer, Request};
use crate::kernel::{Gate, race};

/// What an HTTP client makes of a text: the status and body of an answer; any other text is the body itself.
fn answer(text: &str) -> Answer {
    let status = text
        .strip_prefix("HTTP/")
        .and_then(|rest| rest.split_whitespace().nth(1))
        .and_then(|code| code.parse().ok());
    let Some(status) = status else {
        return Answer::text(200, text);
    };
    let body = text.split_once("\r\n\r\n").or_else(|| text.split_once("\n\n"));
    Answer::text(status, body.map_or("", |(_, body)| body))
}

/// Listens for one connection, for any number of them with `-k`, `-ll` or `-e`.
pub(super) async fn serve(context: &Context, port: u16, options: &Options) -> i32 {
    let many = options.has('k') || options.has('e') || options.letters.iter().filter(|(l, _)| *l == 'l').count() > 1;
    let text = Rc::new(RefCell::new(Vec::new()));
    let came: Rc<RefCell<Vec<String>>> = Rc::default();
    let gate = Rc::new(RefCell::new(Rc::new(Gate::new(context.kernel()))));
    let handler = {
        let (text, came, gate) = (text.clone(), came.clone(), gate.clone());
        Rc::new(move |request: &Request| {
            // Of an HTTP request no more than its first line is played.
            let received = match &request.text {
                Some(text) => text.clone(),
                None => format!("GET {} HTTP/1.1\r\n", request.path),
            };
            came.borrow_mut().push(received);
            gate.borrow().open();
            answer(&String::from_utf8_lossy(&text.borrow()))
        })
    };
    if !servers::bind(context, &[port], &(handler as crate::guest::network::Handler)).await {
        return 1;
    }
    let input = context.fd(0);
    let mut open = true;
    loop {
        let now = gate.borrow().clone();
        let more = async {
            if open {
                input.read(limits::STRING_BYTES).await
            } else {
                std::future::pending().await
            }
        };
        match race(now.wait(), more).await {
            Ok(()) => {
                *gate.borrow_mut() = Rc::new(Gate::new(context.kernel()));
                let received: Vec<String> = came.borrow_mut().drain(..).collect();
                for text in received {
                    context.out(&text).await;
                }
                if !many {
                    return 0;
                }
            }
            Err(bytes) if bytes.is_empty() => open = false,
            Err(bytes) => {
                let mut text = text.borrow_mut();
                let room = limits::STRING_BYTES.saturating_sub(text.len());
                text.extend(bytes.into_iter().take(room));
                open = room > 0;
            }
        }
    }
}
