//! Expressions back to text, and the parts of one whose values explain its result.

use std::fmt::Write;

use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators};
use cel::parser::Expression;

use super::fields::MAP_LITERAL;

/// How tightly an operator binds; more binds tighter.
const TIGHTEST: u8 = 9;

/// The symbol of an operator with two sides and how tightly it binds.
fn infix(function: &str) -> Option<(&'static str, u8)> {
    Some(match function {
        operators::LOGICAL_OR => ("||", 1),
        operators::LOGICAL_AND => ("&&", 2),
        operators::EQUALS => ("==", 3),
        operators::NOT_EQUALS => ("!=", 3),
        operators::LESS => ("<", 3),
        operators::LESS_EQUALS => ("<=", 3),
        operators::GREATER => (">", 3),
        operators::GREATER_EQUALS => (">=", 3),
        operators::IN => ("in", 3),
        operators::ADD => ("+", 4),
        operators::SUBSTRACT => ("-", 4),
        operators::MULTIPLY => ("*", 5),
        operators::DIVIDE => ("/", 5),
        operators::MODULO => ("%", 5),
        _ => return None,
    })
}

/// The expression as a person would write it.
pub(super) fn text(expression: &Expression) -> String {
    let mut out = String::new();
    write(&mut out, expression, 0);
    out
}

fn write(out: &mut String, expression: &Expression, outer: u8) {
    match &expression.expr {
        Expr::Unspecified => {}
        Expr::Ident(name) => out.push_str(name),
        Expr::Literal(literal) => write_literal(out, literal),
        Expr::Select(select) if select.test => {
            out.push_str("has(");
            write(out, &select.operand, TIGHTEST);
            let _ = write!(out, ".{})", select.field);
        }
        Expr::Select(select) => {
            write(out, &select.operand, TIGHTEST);
            let _ = write!(out, ".{}", select.field);
        }
        Expr::List(list) => {
            out.push('[');
            write_all(out, &list.elements);
            out.push(']');
        }
        Expr::Map(map) => {
            out.push('{');
            for (index, entry) in map.entries.iter().enumerate() {
                if let EntryExpr::MapEntry(entry) = &entry.expr {
                    out.push_str(if index == 0 { "" } else { ", " });
                    write(out, &entry.key, 0);
                    out.push_str(": ");
                    write(out, &entry.value, 0);
                }
            }
            out.push('}');
        }
        Expr::Struct(structure) => {
            let _ = write!(out, "{}{{…}}", structure.type_name);
        }
        // What a macro became is not what was written; its list is what matters.
        Expr::Comprehension(comprehension) => {
            write(out, &comprehension.iter_range, TIGHTEST);
            out.push_str(".…");
        }
        Expr::Call(call) => write_call(out, call, outer),
    }
}

fn write_call(out: &mut String, call: &CallExpr, outer: u8) {
    match (call.func_name.as_str(), &call.args[..]) {
        (operators::CONDITIONAL, [condition, yes, no]) => {
            let parenthesised = outer > 0;
            out.push_str(if parenthesised { "(" } else { "" });
            write(out, condition, 1);
            out.push_str(" ? ");
            write(out, yes, 1);
            out.push_str(" : ");
            write(out, no, 0);
            out.push_str(if parenthesised { ")" } else { "" });
        }
        (operators::INDEX, [list, index]) => {
            write(out, list, TIGHTEST);
            out.push('[');
            write(out, index, 0);
            out.push(']');
        }
        (operators::LOGICAL_NOT | operators::NEGATE, [operand]) => {
            out.push_str(if call.func_name == operators::NEGATE { "-" } else { "!" });
            write(out, operand, 8);
        }
        (function, [left, right]) if infix(function).is_some() => {
            let (symbol, binds) = infix(function).expect("it was asked for just now");
            let parenthesised = binds < outer;
            out.push_str(if parenthesised { "(" } else { "" });
            write(out, left, binds);
            let _ = write!(out, " {symbol} ");
            write(out, right, binds + 1);
            out.push_str(if parenthesised { ")" } else { "" });
        }
        (MAP_LITERAL, entries) => {
            out.push('{');
            for (index, entry) in entries.chunks(2).enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                for (part, behind) in entry.iter().zip([": ", ""]) {
                    write(out, part, 0);
                    out.push_str(behind);
                }
            }
            out.push('}');
        }
        (function, arguments) => {
            if let Some(target) = &call.target {
                write(out, target, TIGHTEST);
                out.push('.');
            }
            let _ = write!(out, "{function}(");
            write_all(out, arguments);
            out.push(')');
        }
    }
}

fn write_all(out: &mut String, expressions: &[Expression]) {
    for (index, expression) in expressions.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        write(out, expression, 0);
    }
}

fn write_literal(out: &mut String, literal: &LiteralValue) {
    let _ = match literal {
        LiteralValue::Boolean(value) => write!(out, "{}", value.inner()),
        LiteralValue::Bytes(_) => write!(out, "b'…'"),
        LiteralValue::Double(value) => write!(out, "{}", value.inner()),
        LiteralValue::Int(value) => write!(out, "{}", value.inner()),
        LiteralValue::Null => write!(out, "null"),
        LiteralValue::String(value) => write!(out, "'{}'", value.inner().replace('\\', "\\\\").replace('\'', "\\'")),
        LiteralValue::UInt(value) => write!(out, "{}u", value.inner()),
    };
}

/// The parts whose values explain the result: what operators compare and join, without literals, each once.
pub(super) fn telling_parts(expression: &Expression) -> Vec<&Expression> {
    let mut parts = Vec::new();
    collect(expression, &mut parts);
    let mut seen: Vec<String> = Vec::new();
    parts.retain(|part| {
        let text = text(part);
        let new = !seen.contains(&text);
        seen.push(text);
        new
    });
    parts
}

fn collect<'a>(expression: &'a Expression, parts: &mut Vec<&'a Expression>) {
    match &expression.expr {
        Expr::Literal(_) | Expr::Unspecified => {}
        Expr::Call(call) if call.func_name == MAP_LITERAL || call.target.is_none() && is_operator(&call.func_name) => {
            call.args.iter().for_each(|argument| collect(argument, parts));
        }
        Expr::Call(call) if call.target.is_none() && super::types::standard(&call.func_name).is_some() => {
            call.args.iter().for_each(|argument| collect(argument, parts));
        }
        Expr::Call(call) if super::types::standard(&call.func_name).is_some() => {
            call.target.iter().for_each(|target| collect(target, parts));
        }
        Expr::List(list) => list.elements.iter().for_each(|element| collect(element, parts)),
        Expr::Comprehension(comprehension) => collect(&comprehension.iter_range, parts),
        Expr::Select(select) if select.test => parts.push(&select.operand),
        Expr::Call(_) | Expr::Select(_) | Expr::Ident(_) | Expr::Map(_) | Expr::Struct(_) => parts.push(expression),
    }
}

fn is_operator(function: &str) -> bool {
    infix(function).is_some()
        || matches!(
            function,
            operators::CONDITIONAL | operators::LOGICAL_NOT | operators::NEGATE
        )
}

#[cfg(test)]
mod tests {
    use cel::parser::Parser;

    use super::*;

    fn parse(source: &str) -> Expression {
        Parser::default().parse(source).expect("it parses")
    }

    #[test]
    fn what_was_written_comes_back() {
        for source in [
            "pod('web').status.phase == 'Running'",
            "pod('web').ready() && (pod('a').ready() || !pod('b').ready())",
            "size(events('web', 'BackOff')) >= 3",
            "pod('web').status.conditions[0].type in ['Ready', 'Initialized']",
            "(1 + 2) * 3 == 9",
            "1 - (2 - 3) == 2",
            "has(pod('web').status.reason)",
            "(pod('a').ready() ? 1 : 2) == -1",
        ] {
            assert_eq!(text(&parse(source)), source);
        }
        assert_eq!(
            text(&parse("pod('web').status.conditions.exists(c, c.type == 'Ready')")),
            "pod('web').status.conditions.…"
        );
    }

    #[test]
    fn the_telling_parts_are_what_operators_compare() {
        let parts = |source: &str| -> Vec<String> { telling_parts(&parse(source)).into_iter().map(text).collect() };
        assert_eq!(
            parts("pod('a').restarts() > 3 || pod('a').restarts() < 1"),
            ["pod('a').restarts()"]
        );
        assert_eq!(
            parts("size(events('a')) == 2 && pod('b').status.phase.startsWith('R')"),
            ["events('a')", "pod('b').status.phase"]
        );
        assert_eq!(parts("pods().all(p, p.ready())"), ["pods()"]);
    }
}
