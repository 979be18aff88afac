//! Running commands: lists, pipelines, compound commands and simple ones.

use std::rc::Rc;

use brush_parser::ast;

use super::expand::Failed;
use super::jobs::Start;
use super::{Boxed, Flow, Shell, Tail, pattern};

impl Shell {
    pub(super) async fn program(&mut self, program: &ast::Program, tail: Tail) -> Flow {
        let count = program.complete_commands.len();
        for (index, list) in program.complete_commands.iter().enumerate() {
            let tail = if index + 1 == count { tail } else { Tail::No };
            match self.list(list, tail).await {
                Flow::Next => {}
                flow => return flow,
            }
        }
        Flow::Next
    }

    pub(super) fn list<'a>(&'a mut self, list: &'a ast::CompoundList, tail: Tail) -> Boxed<'a, Flow> {
        Box::pin(async move {
            let count = list.0.len();
            for (index, ast::CompoundListItem(and_or, separator)) in list.0.iter().enumerate() {
                let flow = if matches!(separator, ast::SeparatorOperator::Async) {
                    self.start_background(and_or).await;
                    Flow::Next
                } else {
                    let tail = if index + 1 == count { tail } else { Tail::No };
                    self.and_or(and_or, tail).await
                };
                if flow != Flow::Next {
                    return flow;
                }
                match self.run_traps().await {
                    Flow::Next => {}
                    flow => return flow,
                }
            }
            Flow::Next
        })
    }

    /// `a && b || c`
    pub(super) async fn and_or(&mut self, list: &ast::AndOrList, tail: Tail) -> Flow {
        let last = list.additional.len();
        let mut ran = 0;
        let first_tail = if last == 0 { tail } else { Tail::No };
        let mut flow = self.pipeline(&list.first, last == 0, first_tail).await;
        for (index, next) in list.additional.iter().enumerate() {
            if flow != Flow::Next {
                return flow;
            }
            let pipeline = match next {
                ast::AndOr::And(pipeline) if self.status == 0 => pipeline,
                ast::AndOr::Or(pipeline) if self.status != 0 => pipeline,
                ast::AndOr::And(_) | ast::AndOr::Or(_) => continue,
            };
            ran = index + 1;
            flow = self
                .pipeline(pipeline, ran == last, if ran == last { tail } else { Tail::No })
                .await;
        }
        let decisive = match list.additional.get(ran.wrapping_sub(1)) {
            Some(ast::AndOr::And(pipeline) | ast::AndOr::Or(pipeline)) => pipeline,
            None => &list.first,
        };
        if flow == Flow::Next
            && self.options.errexit
            && self.tolerant == 0
            && self.status != 0
            && ran == last
            && ends_shell(decisive)
        {
            return Flow::Exit;
        }
        flow
    }

    async fn pipeline(&mut self, pipeline: &ast::Pipeline, last: bool, tail: Tail) -> Flow {
        let tolerate = u32::from(!last || pipeline.bang);
        self.tolerant += tolerate;
        let tail = if pipeline.bang && tail == Tail::Replace {
            Tail::Last
        } else {
            tail
        };
        let flow = match &pipeline.seq[..] {
            [] => Flow::Next,
            [command] => self.command(command, tail).await,
            commands => {
                self.status = self.run_pipeline(commands, tail).await;
                Flow::Next
            }
        };
        self.tolerant -= tolerate;
        if pipeline.bang && flow == Flow::Next {
            self.status = i32::from(self.status == 0);
        }
        flow
    }

    pub(super) fn command<'a>(&'a mut self, command: &'a ast::Command, tail: Tail) -> Boxed<'a, Flow> {
        Box::pin(async move {
            let process = self.context.process.clone();
            self.context.machine.clone().step(&process).await;
            if self.options.noexec {
                return Flow::Next;
            }
            match command {
                ast::Command::Simple(simple) => self.simple(simple, tail).await,
                ast::Command::Compound(compound, redirects) => {
                    let Some(saved) = self.redirect_within(redirects.as_ref()).await else {
                        return Flow::Next;
                    };
                    let tail = if redirects.is_some() && tail == Tail::Replace {
                        Tail::Last
                    } else {
                        tail
                    };
                    let flow = self.compound(compound, tail).await;
                    self.context.fds = saved;
                    flow
                }
                ast::Command::Function(definition) => {
                    let name = definition.fname.value.clone();
                    self.functions.insert(name, Rc::new(definition.body.clone()));
                    self.status = 0;
                    Flow::Next
                }
                ast::Command::ExtendedTest(test, redirects) => {
                    let Some(saved) = self.redirect_within(redirects.as_ref()).await else {
                        return Flow::Next;
                    };
                    let result = self.extended_test(&test.expr).await;
                    self.context.fds = saved;
                    match result {
                        Ok(holds) => {
                            self.status = i32::from(!holds);
                            Flow::Next
                        }
                        Err(Failed) => self.failed(),
                    }
                }
            }
        })
    }

    pub(super) async fn compound(&mut self, command: &ast::CompoundCommand, tail: Tail) -> Flow {
        use ast::CompoundCommand as C;
        // Only busybox looks into compound commands for the last one.
        let inner = if self.flavour == crate::guest::images::Flavour::Ash || tail != Tail::Replace {
            tail
        } else {
            Tail::Last
        };
        match command {
            C::BraceGroup(group) => self.list(&group.list, inner).await,
            C::Subshell(subshell) => {
                let list = subshell.list.clone();
                self.status = self.run_subshell("(subshell)", Start::Passing, tail, list).await;
                Flow::Next
            }
            C::IfClause(clause) => self.if_clause(clause, inner).await,
            C::WhileClause(clause) => self.loop_while(clause, true).await,
            C::UntilClause(clause) => self.loop_while(clause, false).await,
            C::ForClause(clause) => self.for_clause(clause).await,
            C::CaseClause(clause) => self.case_clause(clause, inner).await,
            C::Arithmetic(command) => match self.arithmetic(&command.expr.value).await {
                Ok(value) => {
                    self.status = i32::from(value == 0);
                    Flow::Next
                }
                Err(Failed) => self.failed(),
            },
            C::ArithmeticForClause(clause) => self.arithmetic_for(clause).await,
            C::Coprocess(_) => {
                let process = self.context.process.clone();
                self.context
                    .machine
                    .assume(&process, "coproc is not understood", "it does nothing and succeeds");
                self.status = 0;
                Flow::Next
            }
        }
    }

    /// Runs a condition, whose failure ends nothing.
    async fn condition(&mut self, list: &ast::CompoundList) -> Flow {
        self.tolerant += 1;
        let flow = self.list(list, Tail::No).await;
        self.tolerant -= 1;
        flow
    }

    async fn if_clause(&mut self, clause: &ast::IfClauseCommand, tail: Tail) -> Flow {
        match self.condition(&clause.condition).await {
            Flow::Next => {}
            flow => return flow,
        }
        if self.status == 0 {
            return self.list(&clause.then, tail).await;
        }
        for branch in clause.elses.iter().flatten() {
            if let Some(condition) = &branch.condition {
                match self.condition(condition).await {
                    Flow::Next => {}
                    flow => return flow,
                }
                if self.status != 0 {
                    continue;
                }
            }
            return self.list(&branch.body, tail).await;
        }
        self.status = 0;
        Flow::Next
    }

    /// What a loop does with the flow of its body: None to go on.
    fn after_round(flow: Flow) -> Option<Flow> {
        match flow {
            Flow::Next | Flow::Continue(0 | 1) => None,
            Flow::Break(0 | 1) => Some(Flow::Next),
            Flow::Break(levels) => Some(Flow::Break(levels - 1)),
            Flow::Continue(levels) => Some(Flow::Continue(levels - 1)),
            Flow::Return | Flow::Exit => Some(flow),
        }
    }

    async fn loop_while(&mut self, clause: &ast::WhileOrUntilClauseCommand, wanted: bool) -> Flow {
        let mut status = 0;
        self.loops += 1;
        let flow = loop {
            let process = self.context.process.clone();
            self.context.machine.clone().step(&process).await;
            if let Some(flow) = Self::after_round(match self.condition(&clause.0).await {
                // `continue` in the condition begins the next round.
                Flow::Continue(0 | 1) => continue,
                flow => flow,
            }) {
                break flow;
            }
            if (self.status == 0) != wanted {
                self.status = status;
                break Flow::Next;
            }
            let flow = self.list(&clause.1.list, Tail::No).await;
            status = self.status;
            if let Some(flow) = Self::after_round(flow) {
                break flow;
            }
        };
        self.loops -= 1;
        flow
    }

    async fn for_clause(&mut self, clause: &ast::ForClauseCommand) -> Flow {
        let mut values = Vec::new();
        match &clause.values {
            Some(words) => {
                for word in words {
                    match self.fields(word).await {
                        Ok(mut fields) => values.append(&mut fields),
                        Err(Failed) => return self.failed(),
                    }
                }
            }
            None => values.clone_from(&self.positional),
        }
        self.status = 0;
        self.loops += 1;
        let mut result = Flow::Next;
        for value in values {
            let process = self.context.process.clone();
            self.context.machine.clone().step(&process).await;
            self.set(&clause.variable_name, &value);
            let flow = self.list(&clause.body.list, Tail::No).await;
            if let Some(flow) = Self::after_round(flow) {
                result = flow;
                break;
            }
        }
        self.loops -= 1;
        result
    }

    async fn arithmetic_for(&mut self, clause: &ast::ArithmeticForClauseCommand) -> Flow {
        let text = |part: &Option<ast::UnexpandedArithmeticExpr>, default: &str| {
            part.as_ref()
                .map(|part| part.value.clone())
                .filter(|text| !text.trim().is_empty())
                .unwrap_or_else(|| default.to_owned())
        };
        let (first, condition, update) = (
            text(&clause.initializer, "0"),
            text(&clause.condition, "1"),
            text(&clause.updater, "0"),
        );
        if self.arithmetic(&first).await.is_err() {
            return self.failed();
        }
        self.loops += 1;
        let mut status = 0;
        let flow = loop {
            let process = self.context.process.clone();
            self.context.machine.clone().step(&process).await;
            match self.arithmetic(&condition).await {
                Ok(0) => break Flow::Next,
                Ok(_) => {}
                Err(Failed) => break self.failed(),
            }
            let flow = self.list(&clause.body.list, Tail::No).await;
            status = self.status;
            if let Some(flow) = Self::after_round(flow) {
                break flow;
            }
            if self.arithmetic(&update).await.is_err() {
                break self.failed();
            }
        };
        self.loops -= 1;
        if flow == Flow::Next {
            self.status = status;
        }
        flow
    }

    async fn case_clause(&mut self, clause: &ast::CaseClauseCommand, tail: Tail) -> Flow {
        let Ok(value) = self.single(&clause.value.value).await else {
            return self.failed();
        };
        let chars: Vec<char> = value.chars().collect();
        self.status = 0;
        let mut falls_through = false;
        for case in &clause.cases {
            let mut fits = std::mem::take(&mut falls_through);
            for word in &case.patterns {
                if fits {
                    break;
                }
                match self.pattern(&word.value).await {
                    Ok(pattern) => fits = pattern::matches(&pattern, &chars),
                    Err(Failed) => return self.failed(),
                }
            }
            if !fits {
                continue;
            }
            let flow = match &case.cmd {
                Some(list) => self.list(list, tail).await,
                None => Flow::Next,
            };
            match case.post_action {
                _ if flow != Flow::Next => return flow,
                ast::CaseItemPostAction::ExitCase => return flow,
                ast::CaseItemPostAction::UnconditionallyExecuteNextCaseItem => falls_through = true,
                ast::CaseItemPostAction::ContinueEvaluatingCases => {}
            }
        }
        Flow::Next
    }

    fn extended_test<'a>(&'a mut self, test: &'a ast::ExtendedTestExpr) -> Boxed<'a, Result<bool, Failed>> {
        Box::pin(async move {
            use ast::ExtendedTestExpr as T;
            Ok(match test {
                T::And(left, right) => self.extended_test(left).await? && self.extended_test(right).await?,
                T::Or(left, right) => self.extended_test(left).await? || self.extended_test(right).await?,
                T::Not(inner) => !self.extended_test(inner).await?,
                T::Parenthesized(inner) => self.extended_test(inner).await?,
                T::UnaryTest(predicate, word) => {
                    let operand = self.single(&word.value).await?;
                    let operator = predicate.to_string();
                    crate::guest::programs::unary_test(&self.context, &operator, &operand).unwrap_or(false)
                }
                T::BinaryTest(predicate, left, right) => {
                    use ast::BinaryPredicate as P;
                    let left = self.single(&left.value).await?;
                    match predicate {
                        P::StringExactlyMatchesPattern | P::StringDoesNotExactlyMatchPattern => {
                            let pattern = self.pattern(&right.value).await?;
                            let chars: Vec<char> = left.chars().collect();
                            pattern::matches(&pattern, &chars) == matches!(predicate, P::StringExactlyMatchesPattern)
                        }
                        P::StringMatchesRegex | P::StringContainsSubstring => {
                            let right = self.single(&right.value).await?;
                            crate::guest::programs::matches_regex(&right, &left)
                        }
                        _ => {
                            let right = self.single(&right.value).await?;
                            let operator = predicate.to_string();
                            crate::guest::programs::binary_test(&self.context, &left, &operator, &right)
                                .unwrap_or(false)
                        }
                    }
                }
            })
        })
    }
}

/// Whether the failure of this pipeline itself counts for `set -e`; those inside compound commands have counted.
fn ends_shell(pipeline: &ast::Pipeline) -> bool {
    if pipeline.bang {
        return false;
    }
    match &pipeline.seq[..] {
        [ast::Command::Simple(_) | ast::Command::ExtendedTest(..)] => true,
        [ast::Command::Compound(ast::CompoundCommand::Subshell(_) | ast::CompoundCommand::Arithmetic(_), _)] => true,
        [_] => false,
        _ => true,
    }
}
