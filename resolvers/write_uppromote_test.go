package resolvers_test

var rowsOfUpPromote = []row{}
