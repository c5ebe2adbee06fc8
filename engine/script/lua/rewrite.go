package lua

import (
	"strconv"

	"github.com/yuin/gopher-lua/ast"
)

// concatName is the local that a chunk's outer function holds our concatenation in: no script can write such a name.
const concatName = "\x00concat"

// rewrite turns a chunk into one that, called with our concatenation, returns the chunk's function:
//
//	local concat = ...; return function(...) <chunk> end
//
// In it a .. b .. c is concat(a, b, c), since numbers must be printed as PUC Lua does and memory is to be accounted for, and literals are numbers that gopher-lua
// reads as PUC Lua would (it takes 010 for octal).
func rewrite(stmts []ast.Stmt) []ast.Stmt {
	rewriteStmts(stmts)
	last := 1
	if n := len(stmts); n > 0 {
		last = max(stmts[n-1].LastLine(), stmts[n-1].Line(), 1)
	}
	fn := &ast.FunctionExpr{ParList: &ast.ParList{HasVargs: true}, Stmts: stmts}
	fn.SetLine(1)
	fn.SetLastLine(last)
	args := &ast.Comma3Expr{}
	args.SetLine(1)
	local := &ast.LocalAssignStmt{Names: []string{concatName}, Exprs: []ast.Expr{args}}
	local.SetLine(1)
	ret := &ast.ReturnStmt{Exprs: []ast.Expr{fn}}
	ret.SetLine(1)
	return []ast.Stmt{local, ret}
}

func rewriteStmts(stmts []ast.Stmt) {
	for _, s := range stmts {
		rewriteStmt(s)
	}
}

func rewriteStmt(stmt ast.Stmt) {
	switch s := stmt.(type) {
	case *ast.AssignStmt:
		rewriteExprs(s.Lhs)
		rewriteExprs(s.Rhs)
	case *ast.LocalAssignStmt:
		rewriteExprs(s.Exprs)
	case *ast.FuncCallStmt:
		s.Expr = rewriteExpr(s.Expr)
	case *ast.DoBlockStmt:
		rewriteStmts(s.Stmts)
	case *ast.WhileStmt:
		s.Condition = rewriteExpr(s.Condition)
		rewriteStmts(s.Stmts)
	case *ast.RepeatStmt:
		s.Condition = rewriteExpr(s.Condition)
		rewriteStmts(s.Stmts)
	case *ast.IfStmt:
		s.Condition = rewriteExpr(s.Condition)
		rewriteStmts(s.Then)
		rewriteStmts(s.Else)
	case *ast.NumberForStmt:
		s.Init, s.Limit = rewriteExpr(s.Init), rewriteExpr(s.Limit)
		if s.Step != nil {
			s.Step = rewriteExpr(s.Step)
		}
		rewriteStmts(s.Stmts)
	case *ast.GenericForStmt:
		rewriteExprs(s.Exprs)
		rewriteStmts(s.Stmts)
	case *ast.FuncDefStmt:
		if s.Name.Func != nil {
			s.Name.Func = rewriteExpr(s.Name.Func)
		}
		if s.Name.Receiver != nil {
			s.Name.Receiver = rewriteExpr(s.Name.Receiver)
		}
		rewriteStmts(s.Func.Stmts)
	case *ast.ReturnStmt:
		rewriteExprs(s.Exprs)
	}
}

func rewriteExprs(exprs []ast.Expr) {
	for i, e := range exprs {
		exprs[i] = rewriteExpr(e)
	}
}

func rewriteExpr(expr ast.Expr) ast.Expr {
	switch e := expr.(type) {
	case *ast.NumberExpr:
		if n, ok := ParseNumber(e.Value); ok {
			e.Value = strconv.FormatFloat(n, 'g', -1, 64)
		}
	case *ast.AttrGetExpr:
		e.Object, e.Key = rewriteExpr(e.Object), rewriteExpr(e.Key)
	case *ast.TableExpr:
		for _, f := range e.Fields {
			if f.Key != nil {
				f.Key = rewriteExpr(f.Key)
			}
			f.Value = rewriteExpr(f.Value)
		}
	case *ast.FuncCallExpr:
		if e.Func != nil {
			e.Func = rewriteExpr(e.Func)
		}
		if e.Receiver != nil {
			e.Receiver = rewriteExpr(e.Receiver)
		}
		rewriteExprs(e.Args)
	case *ast.LogicalOpExpr:
		e.Lhs, e.Rhs = rewriteExpr(e.Lhs), rewriteExpr(e.Rhs)
	case *ast.RelationalOpExpr:
		e.Lhs, e.Rhs = rewriteExpr(e.Lhs), rewriteExpr(e.Rhs)
	case *ast.ArithmeticOpExpr:
		e.Lhs, e.Rhs = rewriteExpr(e.Lhs), rewriteExpr(e.Rhs)
	case *ast.UnaryMinusOpExpr:
		e.Expr = rewriteExpr(e.Expr)
	case *ast.UnaryNotOpExpr:
		e.Expr = rewriteExpr(e.Expr)
	case *ast.UnaryLenOpExpr:
		e.Expr = rewriteExpr(e.Expr)
	case *ast.FunctionExpr:
		rewriteStmts(e.Stmts)
	case *ast.StringConcatOpExpr:
		return rewriteConcat(e)
	}
	return expr
}

// rewriteConcat makes a call of a chain of concatenations, in pieces of a size that fits the registers.
func rewriteConcat(e *ast.StringConcatOpExpr) ast.Expr {
	const most = 50
	var args []ast.Expr
	var rest ast.Expr = e
	for len(args) < most-1 {
		pair, ok := rest.(*ast.StringConcatOpExpr)
		if !ok {
			break
		}
		args = append(args, one(rewriteExpr(pair.Lhs)))
		rest = pair.Rhs
	}
	args = append(args, one(rewriteExpr(rest)))
	name := &ast.IdentExpr{Value: concatName}
	name.SetLine(e.Line())
	call := &ast.FuncCallExpr{Func: name, Args: args, AdjustRet: true}
	call.SetLine(e.Line())
	call.SetLastLine(e.LastLine())
	return call
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
