package resolvers_test

var rowsOfFirstPromoter = []row{}
