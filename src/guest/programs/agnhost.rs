//! agnhost, the image of Kubernetes' own tests: the subcommands that manifests use.

use super::{Context, servers};
use crate::guest::process::Signal;
use crate::guest::script::{AnswerScript, ProgramScript};
use crate::kernel::Duration;

fn option<'a>(argv: &'a [String], name: &str) -> Option<&'a str> {
    let with_value = format!("--{name}=");
    let inline = argv.iter().find_map(|word| word.strip_prefix(&with_value));
    let next = || {
        argv.iter()
            .position(|word| *word == format!("--{name}"))
            .and_then(|at| argv.get(at + 1))
            .map(String::as_str)
    };
    inline.or_else(next)
}

fn port(argv: &[String], names: &[&str], default: u16) -> u16 {
    names
        .iter()
        .find_map(|name| option(argv, name))
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// Answers 200 with that body to every path.
fn always(body: &str) -> Vec<AnswerScript> {
    vec![AnswerScript {
        path: None,
        from: Duration::ZERO,
        status: 200,
        body: body.to_owned(),
        takes: Duration::ZERO,
    }]
}

pub(super) async fn agnhost(context: &Context, argv: &[String]) -> i32 {
    let name = context.machine.network.hostname.clone();
    let plain = |listens: Vec<u16>, answers| ProgramScript {
        listens,
        answers,
        signals: servers::go_runtime(context),
        ..ProgramScript::default()
    };
    match argv.get(1).map_or("pause", String::as_str) {
        "liveness" => servers::serve_liveness(context, 8080).await,
        "netexec" => {
            let delay = option(argv, "delay-shutdown")
                .and_then(|text| text.parse::<i64>().ok())
                .unwrap_or(0);
            let script = ProgramScript {
                signals: servers::ends_by(&[(Signal::TERM, 0)])
                    .into_iter()
                    .map(|s| crate::guest::script::SignalScript {
                        after: Duration::from_secs(delay).into(),
                        ..s
                    })
                    .collect(),
                ..plain(vec![port(argv, &["http-port"], 8080)], always("NOW"))
            };
            servers::serve(context, &script).await
        }
        "serve-hostname" => servers::serve(context, &plain(vec![port(argv, &["port"], 9376)], always(&name))).await,
        "test-webserver" => servers::serve(context, &plain(vec![port(argv, &["port"], 80)], always(""))).await,
        "grpc-health-checking" => {
            let script = plain(
                vec![port(argv, &["port"], 5000), port(argv, &["http-port"], 8080)],
                always("ok"),
            );
            servers::serve(context, &script).await
        }
        "pause" => {
            context.out("Paused\n").await;
            let script = ProgramScript {
                signals: servers::ends_by(&[(Signal::TERM, 0), (Signal::INT, 0)]),
                ..ProgramScript::default()
            };
            servers::serve(context, &script).await
        }
        "entrypoint-tester" => {
            context.out(&format!("{argv:?}\n")).await;
            0
        }
        "connect" => {
            let Some((host, port)) = argv.iter().skip(2).find_map(|word| word.rsplit_once(':')) else {
                return 1;
            };
            let connection = context
                .machine
                .world()
                .connect(&context.machine.network, host, port.parse().unwrap_or(0));
            if connection.stands() {
                return 0;
            }
            context.err("REFUSED").await;
            1
        }
        "help" | "--help" => 0,
        other => super::not_known(context, &format!("agnhost {other}")).await,
    }
}
