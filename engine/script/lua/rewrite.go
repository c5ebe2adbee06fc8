package lua

import (
	"fmt"
	"strconv"

	"github.com/yuin/gopher-lua/ast"
)

// helperNames are the locals that a chunk's outer function holds our functions in: no script can write such names.
var helperNames = []string{"\x00concat", "\x00set", "\x00key", "\x00remainder", "\x00power", "\x00bound"}

const (
	concatHelper = iota
	setHelper
	keyHelper
	remainderHelper
	powerHelper
	boundHelper
)

// rewriter turns a chunk into one that, called with our functions, returns the chunk's function:
//
//	local concat, set, ... = ...; return function(...) <chunk> end
//
// In it a .. b .. c is concat(a, b, c), since numbers must be printed as PUC Lua does and memory is to be accounted for; t[k] = v is set(t, k, v), since gopher-lua fills
// arrays up to the key; a % b and a ^ b are calls, for NaNs; and literals are numbers that gopher-lua reads as PUC Lua would (it takes 010 for octal).
//
// It also knows what variables are called where they are used, for errors, and bounds how deep the chunk is nested: the compiler, which comes next, calls itself.
type rewriter struct {
	chunk  string
	sites  *sites
	locals []local
	fn     int // how many functions are around
	levels int // of syntax, as PUC Lua counts them
	depth  int // of the tree
}

// local is a local variable that is in scope, and the depth of its function.
type local struct {
	name string
	fn   int
}

const (
	maxLevels = 200  // LUAI_MAXCCALLS
	maxDepth  = 5000 // of operators in a row
)

// errSyntax ends the rewriting.
type errSyntax struct{ error }

func (r *rewriter) rewrite(stmts []ast.Stmt) (out []ast.Stmt, err error) {
	defer func() {
		if p := recover(); p != nil {
			refused, ok := p.(errSyntax)
			if !ok {
				panic(p)
			}
			err = refused.error
		}
	}()
	r.block(stmts)
	last := 1
	if n := len(stmts); n > 0 {
		last = max(stmts[n-1].LastLine(), stmts[n-1].Line(), 1)
	}
	fn := &ast.FunctionExpr{ParList: &ast.ParList{HasVargs: true}, Stmts: stmts}
	fn.SetLine(1)
	fn.SetLastLine(last)
	args := &ast.Comma3Expr{}
	args.SetLine(1)
	names := &ast.LocalAssignStmt{Names: helperNames, Exprs: []ast.Expr{args}}
	names.SetLine(1)
	ret := &ast.ReturnStmt{Exprs: []ast.Expr{fn}}
	ret.SetLine(1)
	return []ast.Stmt{names, ret}, nil
}

func (r *rewriter) refuse(line int, message string) {
	panic(errSyntax{fmt.Errorf("%s:%d: %s", r.chunk, line, message)})
}

// enter goes a level of syntax deeper; the function that it gives goes back.
func (r *rewriter) enter(line, levels int) func() {
	r.depth++
	r.levels += levels
	if r.levels > maxLevels || r.depth > maxDepth {
		r.refuse(line, "chunk has too many syntax levels")
	}
	return func() { r.depth--; r.levels -= levels }
}

// block rewrites statements that are a scope, in which there are more locals.
func (r *rewriter) block(stmts []ast.Stmt, names ...string) {
	line := 1
	if len(stmts) > 0 {
		line = stmts[0].Line()
	}
	defer r.enter(line, 1)()
	outer := len(r.locals)
	r.declare(names)
	for i, s := range stmts {
		stmts[i] = r.stmt(s)
	}
	r.locals = r.locals[:outer]
}

func (r *rewriter) declare(names []string) {
	for _, name := range names {
		r.locals = append(r.locals, local{name, r.fn})
	}
}

func (r *rewriter) function(fn *ast.FunctionExpr, names ...string) {
	r.fn++
	r.block(fn.Stmts, append(names, fn.ParList.Names...)...)
	r.fn--
}

// describe is what an expression is called in errors; nothing if it has no name.
func (r *rewriter) describe(expr ast.Expr) string {
	switch e := expr.(type) {
	case *ast.IdentExpr:
		for i := len(r.locals) - 1; i >= 0; i-- {
			if v := r.locals[i]; v.name == e.Value {
				if v.fn == r.fn {
					return "local '" + e.Value + "'"
				}
				return "upvalue '" + e.Value + "'"
			}
		}
		return "global '" + e.Value + "'"
	case *ast.AttrGetExpr:
		if key, ok := e.Key.(*ast.StringExpr); ok {
			return "field '" + key.Value + "'"
		}
		return "field '?'"
	}
	return ""
}

func (r *rewriter) stmt(stmt ast.Stmt) ast.Stmt {
	switch s := stmt.(type) {
	case *ast.AssignStmt:
		return r.assign(s)
	case *ast.LocalAssignStmt:
		if fn, ok := recursive(s); ok { // local function f: f is its own upvalue
			r.declare(s.Names)
			r.expr(fn)
			break
		}
		r.exprs(s.Exprs)
		r.declare(s.Names)
		if len(s.Exprs) == 1 {
			if fn, ok := s.Exprs[0].(*ast.FunctionExpr); ok { // alone, it would be taken for "local function f"
				none := &ast.NilExpr{}
				none.SetLine(fn.Line())
				s.Exprs = append(s.Exprs, none)
			}
		}
	case *ast.FuncCallStmt:
		s.Expr = r.expr(s.Expr)
	case *ast.DoBlockStmt:
		r.block(s.Stmts)
	case *ast.WhileStmt:
		s.Condition = r.expr(s.Condition)
		r.block(s.Stmts)
	case *ast.RepeatStmt:
		outer := len(r.locals)
		leave := r.enter(s.Line(), 1)
		for i, inner := range s.Stmts {
			s.Stmts[i] = r.stmt(inner)
		}
		s.Condition = r.expr(s.Condition)
		leave()
		r.locals = r.locals[:outer]
	case *ast.IfStmt:
		r.branch(s)
	case *ast.NumberForStmt:
		s.Init, s.Limit = r.bound(s.Init, "initial value"), r.bound(s.Limit, "limit")
		if s.Step != nil {
			s.Step = r.bound(s.Step, "step")
		}
		r.block(s.Stmts, s.Name)
	case *ast.GenericForStmt:
		r.exprs(s.Exprs)
		r.block(s.Stmts, s.Names...)
	case *ast.FuncDefStmt:
		if s.Name.Func != nil {
			s.Name.Func = r.expr(s.Name.Func)
		}
		if s.Name.Receiver != nil {
			s.Name.Receiver = r.expr(s.Name.Receiver)
			r.function(s.Func, "self")
			break
		}
		r.function(s.Func)
	case *ast.ReturnStmt:
		r.exprs(s.Exprs)
	case *ast.GotoStmt: // Lua 5.1 has neither
		r.refuse(s.Line(), "'=' expected near '"+s.Label+"'")
	case *ast.LabelStmt:
		r.refuse(s.Line(), "unexpected symbol near ':'")
	}
	return stmt
}

// branch rewrites if and the elseifs behind it, which are one level.
func (r *rewriter) branch(s *ast.IfStmt) {
	s.Condition = r.expr(s.Condition)
	r.block(s.Then)
	if len(s.Else) == 1 {
		if next, ok := s.Else[0].(*ast.IfStmt); ok {
			defer r.enter(s.Line(), 0)()
			r.branch(next)
			return
		}
	}
	r.block(s.Else)
}

// recursive is the function of "local function f". The parser makes "local f = function" the same, but for the last line.
func recursive(s *ast.LocalAssignStmt) (*ast.FunctionExpr, bool) {
	if len(s.Names) != 1 || len(s.Exprs) != 1 || s.LastLine() == 0 {
		return nil, false
	}
	fn, ok := s.Exprs[0].(*ast.FunctionExpr)
	return fn, ok
}

// bound makes a bound of a for loop a number, unless it is one.
func (r *rewriter) bound(e ast.Expr, what string) ast.Expr {
	line := e.Line()
	e = r.expr(e)
	if _, ok := e.(*ast.NumberExpr); ok {
		return e
	}
	return r.help(boundHelper, line, site{line: line}, one(e), &ast.StringExpr{Value: what})
}

// help makes a call of one of our functions.
func (r *rewriter) help(helper, last int, p site, args ...ast.Expr) *ast.FuncCallExpr {
	n := r.sites.add(p)
	name := &ast.IdentExpr{Value: helperNames[helper]}
	name.SetLine(n)
	call := &ast.FuncCallExpr{Func: name, Args: args, AdjustRet: true}
	call.SetLine(n)
	call.SetLastLine(last)
	return call
}

// assign rewrites an assignment: what it does to elements of tables may cost memory.
func (r *rewriter) assign(s *ast.AssignStmt) ast.Stmt {
	if t, ok := s.Lhs[0].(*ast.AttrGetExpr); ok && len(s.Lhs) == 1 && len(s.Rhs) == 1 && costly(t.Key) {
		p := site{line: t.Line(), operands: []string{r.describe(t.Object)}}
		object, key, v := r.expr(t.Object), r.expr(t.Key), r.expr(s.Rhs[0])
		out := &ast.FuncCallStmt{Expr: r.help(setHelper, t.LastLine(), p, one(object), one(key), one(v))}
		out.SetLine(s.Line())
		out.SetLastLine(s.LastLine())
		return out
	}
	for i, e := range s.Lhs {
		s.Lhs[i] = r.expr(e)
		if t, ok := s.Lhs[i].(*ast.AttrGetExpr); ok && costly(t.Key) {
			t.Key = r.help(keyHelper, s.Line(), site{line: s.Line()}, one(t.Key))
		}
	}
	r.exprs(s.Rhs)
	return s
}

// costly says whether a key may be one that gopher-lua fills an array up to.
func costly(key ast.Expr) bool {
	switch e := key.(type) {
	case *ast.StringExpr, *ast.TrueExpr, *ast.FalseExpr, *ast.NilExpr, *ast.TableExpr, *ast.FunctionExpr:
		return false
	case *ast.NumberExpr:
		n, ok := ParseNumber(e.Value)
		return !ok || n > gap
	}
	return true
}

func (r *rewriter) exprs(exprs []ast.Expr) {
	for i, e := range exprs {
		exprs[i] = r.expr(e)
	}
}

// mark gives an expression the number of its site for a line.
func (r *rewriter) mark(e ast.Expr, p site) {
	p.line = e.Line()
	e.SetLine(r.sites.add(p))
}

func (r *rewriter) expr(expr ast.Expr) ast.Expr {
	if expr.Line() >= firstSite { // ours
		return expr
	}
	defer r.enter(expr.Line(), levelsOf(expr))()
	switch e := expr.(type) {
	case *ast.NumberExpr:
		if n, ok := ParseNumber(e.Value); ok {
			e.Value = strconv.FormatFloat(n, 'g', -1, 64)
		}
	case *ast.AttrGetExpr:
		r.mark(e, site{operands: []string{r.describe(e.Object)}})
		e.Object, e.Key = r.expr(e.Object), r.expr(e.Key)
	case *ast.TableExpr:
		for _, f := range e.Fields {
			if f.Key != nil {
				f.Key = r.expr(f.Key)
				if costly(f.Key) {
					f.Key = r.help(keyHelper, e.Line(), site{line: e.Line()}, one(f.Key))
				}
			}
			f.Value = r.expr(f.Value)
		}
	case *ast.FuncCallExpr:
		r.call(e)
	case *ast.LogicalOpExpr:
		e.Lhs, e.Rhs = r.expr(e.Lhs), r.expr(e.Rhs)
	case *ast.RelationalOpExpr:
		r.mark(e, site{})
		e.Lhs, e.Rhs = r.expr(e.Lhs), r.expr(e.Rhs)
	case *ast.ArithmeticOpExpr:
		return r.arithmetic(e)
	case *ast.UnaryMinusOpExpr:
		r.mark(e, site{operands: []string{r.describe(e.Expr)}, literal: literal(e.Expr)})
		e.Expr = r.expr(e.Expr)
	case *ast.UnaryNotOpExpr:
		e.Expr = r.expr(e.Expr)
	case *ast.UnaryLenOpExpr:
		r.mark(e, site{operands: []string{r.describe(e.Expr)}, literal: literal(e.Expr)})
		e.Expr = r.expr(e.Expr)
	case *ast.FunctionExpr:
		r.function(e)
	case *ast.StringConcatOpExpr:
		return r.concat(e)
	}
	return expr
}

// levelsOf is how many levels of syntax an expression adds to those of its parts.
func levelsOf(expr ast.Expr) int {
	switch e := expr.(type) {
	case *ast.TableExpr, *ast.FunctionExpr, *ast.FuncCallExpr, *ast.UnaryMinusOpExpr, *ast.UnaryNotOpExpr, *ast.UnaryLenOpExpr:
		if call, ok := e.(*ast.FuncCallExpr); ok && len(call.Args) == 0 {
			return 0
		}
		return 1
	case *ast.ArithmeticOpExpr:
		if e.Operator == "^" {
			return 1
		}
	}
	return 0
}

// literal is the type of an expression that is a literal.
func literal(expr ast.Expr) string {
	switch expr.(type) {
	case *ast.TableExpr:
		return "table"
	case *ast.NumberExpr:
		return "number"
	case *ast.StringExpr:
		return "string"
	case *ast.TrueExpr, *ast.FalseExpr:
		return "boolean"
	case *ast.FunctionExpr:
		return "function"
	}
	return ""
}

func (r *rewriter) call(e *ast.FuncCallExpr) {
	if e.Receiver != nil {
		r.mark(e, site{called: "method '" + e.Method + "'", operands: []string{r.describe(e.Receiver)}})
		e.Receiver = r.expr(e.Receiver)
	} else {
		r.mark(e, site{called: r.describe(e.Func), literal: literal(e.Func)})
		e.Func = r.expr(e.Func)
	}
	r.exprs(e.Args)
}

func (r *rewriter) arithmetic(e *ast.ArithmeticOpExpr) ast.Expr {
	p := site{line: e.Line(), operands: []string{r.describe(e.Lhs), r.describe(e.Rhs)}}
	a, b := r.expr(e.Lhs), r.expr(e.Rhs)
	if e.Operator == "%" {
		return r.help(remainderHelper, e.LastLine(), p, one(a), one(b))
	}
	if e.Operator == "^" {
		return r.help(powerHelper, e.LastLine(), p, one(a), one(b))
	}
	r.mark(e, p)
	e.Lhs, e.Rhs = a, b
	return e
}

// concat makes a call of a chain of concatenations, in pieces of a size that fits the registers.
func (r *rewriter) concat(e *ast.StringConcatOpExpr) ast.Expr {
	const most = 50
	var args []ast.Expr
	p := site{line: e.Line()}
	add := func(operand ast.Expr) {
		p.operands = append(p.operands, r.describe(operand))
		args = append(args, one(r.expr(operand)))
	}
	var rest ast.Expr = e
	for len(args) < most-1 {
		pair, ok := rest.(*ast.StringConcatOpExpr)
		if !ok {
			break
		}
		add(pair.Lhs)
		rest = pair.Rhs
		defer r.enter(e.Line(), 1)()
	}
	add(rest)
	return r.help(concatHelper, e.LastLine(), p, args...)
}

// one makes an expression that may give several values give one, as an operand does.
func one(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		e.AdjustRet = true
	case *ast.Comma3Expr:
		e.AdjustRet = true
	}
	return e
}
